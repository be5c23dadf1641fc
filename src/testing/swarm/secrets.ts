/** Every token of a swarm bears this mark, so that it can be told wherever it turns up. */
export const SECRET = 'swarm-secret-'
