import type { Session } from "../core/session.js";
import { type Connector, type ConnectorConfig } from "./carrier.js";
import type { Status } from "../types.js";
/** Makes a connector that carries `session`. */
export declare function createConnector(config: ConnectorConfig, session: Session, onStatus: (status: Status) => void): Connector;
