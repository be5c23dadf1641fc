/** What only Node has. */
export { nodePlatform, type NodePlatformOptions } from './platform/node/node-platform'
export type { NodeTlsOptions } from './platform/node/connector'
export { tcpProbe } from './client/probes'
export { fileStore } from './platform/node/file-store'
