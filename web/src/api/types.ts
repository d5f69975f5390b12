/* SPDX-License-Identifier: Apache-2.0 */
/* The shapes of /api/v1 as schema/openapi.yaml describes them; only what the dashboard reads. */

export interface Page<T> { items: T[]; next_cursor: string | null; total?: number; total_is_bound?: boolean }

export type Role = 'viewer' | 'operator' | 'approver' | 'admin';
export interface Project { id: string; name: string; role: Role }
export interface Session {
	user: { id: string; login: string; name: string };
	project: Project;
	projects: Project[];
	csrf: string;
	expires_at: string;
}

export type NodeStatus = 'online' | 'offline' | 'warning' | 'updating' | 'pending' | 'retired';
export type Labels = Record<string, string>;
export interface NamedVersion { name: string; version: string | number }
export interface ServiceProbe {
	kind: string; target?: string; for?: string; result: 'unknown' | 'good' | 'bad'; duration_us?: number; text?: string;
}
export interface NodeService {
	name: string; state: string | null; ready: boolean | null; reason: string | null; since: string | null;
	pid: number | null; restarts: number | null; driver: string | null; run: boolean | null;
	package: NamedVersion | null; config: NamedVersion | null;
	desired: { run?: boolean; package?: NamedVersion | null; config?: NamedVersion | null; rollout?: string | null } | null;
	drift: boolean | null; drift_files?: string[]; cpu_percent: number | null; mem_bytes: number | null; probes?: ServiceProbe[] | null;
}
export interface HostHealth {
	cpu_percent?: number; load1?: number; mem_total?: number; mem_available?: number; disk_total?: number; disk_free?: number; limits?: string;
}
export interface Node {
	id: string; name: string; labels: Labels; status: NodeStatus; reason: string | null; status_since: string | null;
	last_seen_at: string | null; enrolled_at: string | null; agent_version: string | null; platform: string | null; hostname: string | null;
	desired_generation: number | null; reported_generation: number | null; drift: boolean; services: NodeService[];
	health: { uptime_s?: number; clock_offset_ms?: number; host?: HostHealth; agent?: { rss_bytes?: number } } | null;
	cert_not_after?: string | null; revision: number;
}
export interface DesiredFile { path: string; mode?: string; content?: string; content_base64?: string }
export interface Desired {
	generation: number; digest: string; reported_generation: number | null;
	content: { services?: Record<string, {
		driver?: string; run?: boolean; package?: NamedVersion | null;
		config?: (NamedVersion & { files?: DesiredFile[] }) | null; parameters?: Record<string, unknown>;
	}> } | null;
}
export interface TimelineItem { at: string; kind: string; severity: string | null; service: string | null; text: string; data?: Record<string, unknown> | null; source: string }
export interface Way { by: 'operator' | 'approver' | 'admin' | 'site' | 'node' | 'server'; action: string | null; text: string }
export interface Explain { text: string; waits_for: string | null; since: string | null; until?: string | null; then?: string | null; ways?: Way[] }
export interface Variable { name: string; value: string; level: string; updated_at: string | null }

export interface Overview {
	nodes: { total: number; online: number; offline: number; warning: number; updating: number; pending: number };
	services: { running: number; total: number };
	rollouts: { running: number; paused: number };
	alerts: { firing: number };
	versions: { package: string; version: string; count: number }[];
	map: { id: string; name: string; status: NodeStatus; labels: Labels }[];
	attention: { kind: string; text: string; object_kind: string; object_id: string; since: string | null }[];
	activity: AuditRow[];
}
export interface AuditRow {
	id: number; at: string; actor_kind: string; actor_id: string | null; actor_name: string | null; action: string;
	object_kind: string | null; object_id: string | null; object_name?: string | null; detail?: Record<string, unknown> | null; remote?: string | null; request_id?: string | null;
}

export interface Config {
	id: string; name: string; service: string | null; driver: string | null; description: string | null;
	latest: number; created_at: string; used_by: number;
}
export interface ConfigFile { path: string; mode: string; size: number; sha256: string; content?: string | null; content_base64?: string | null }
export interface ConfigVersion { config: string; no: number; author: string | null; message: string | null; digest: string; created_at: string; files: ConfigFile[]; nodes?: number }
export interface DiffHunk { old_start: number; old_count: number; new_start: number; new_count: number; lines: { op: ' ' | '+' | '-'; text: string }[] }
export interface DiffFile { path: string; change: 'added' | 'removed' | 'modified' | 'same'; hunks: DiffHunk[] }
export interface ConfigDiff { from: number; to: number; files: DiffFile[] }
export interface Rendered { node: string; files: { path: string; mode: string; content: string }[]; variables: { name: string; value: string; level: string }[] }

export interface PackageRelease {
	id?: string; name: string; version: string; platform: string; sha256: string; size: number; format: string;
	uploaded_at: string; uploaded_by: string | null; nodes: number; key_id: string | null;
}

export interface Change {
	service: string; driver?: string; package?: { name: string; version: string }; config?: { name: string; version: number | 'latest' };
	run?: boolean; remove?: true; parameters?: Record<string, unknown>;
}
export interface Targets { selector?: string; nodes?: string[]; selection?: string; confirm_count?: number }
export interface Selection { id: string; selector: string | null; count: number; everything: boolean; created_at: string; expires_at: string; now?: { count: number; added: number; gone: number } }
export interface LabelWaves { label: string; order?: string[] }
export interface UpdateWindow { cron: string; duration_ms: number }
export interface Strategy {
	waves?: (number | string)[] | LabelWaves; apart?: string | null; max_parallel?: number; health_gate_ms?: number; soak_ms?: number;
	max_failures?: number; max_failed_percent?: number; max_unreachable_percent?: number; stop_on_alert?: 'none' | 'info' | 'warning' | 'critical';
	new_failure?: 'ignore' | 'stop'; on_failure?: 'pause' | 'rollback' | 'rollback_wave' | 'fail'; deadline_ms?: number; rollout_deadline_ms?: number;
	start_at?: string | null; windows?: UpdateWindow[]; timezone?: string; retries?: { max?: number; backoff_ms?: number }; priority?: number;
	follow?: boolean; offline?: 'later' | 'skip' | 'wait' | 'fail'; approval?: boolean;
}
export interface RolloutSpec { name?: string; changes: Change[]; targets: Targets; strategy?: Strategy; plan_hash?: string; draft?: boolean }
export interface PlanFile { path: string; change: string; binary?: boolean; mode_from?: string; mode_to?: string; diff?: string; diff_digest?: string; truncated?: boolean }
export interface PlanService {
	service: string; restart: boolean; reload: boolean; stop: boolean; remove: boolean;
	package?: { from: string | null; to: string | null } | null;
	config?: { name?: string | null; from: number | string | null; to: number | string | null; files?: PlanFile[] } | null;
}
export interface PlanGroup {
	no: number; count: number; kind: 'change' | 'same' | 'blocked'; blocked: string | null; restarts: boolean; fetch_bytes: number;
	duration: { median_ms: number; p90_ms: number; samples: number } | null; services: PlanService[]; nodes: string[];
}
export interface PlanHeld { rollout: string; number: number; name: string; state: string; count: number; nodes: string[] }
export interface PlanListed { node: string; name: string; status: string; online: boolean }
export interface Plan {
	plan_hash: string;
	everything: boolean;
	counts: { nodes: number; change: number; same: number; blocked: number; offline: number; groups: number };
	expected_ms: number | null;
	groups: PlanGroup[];
	waves: { no: number; nodes: string[]; size: number; label?: string | null }[];
	offline: { count: number; nodes: string[] };
	held: PlanHeld[];
}
export type Counts = Record<string, number>;
export interface Wave { no: number; state: string; label?: string | null; size: number; counts: Counts; started_at: string | null; finished_at: string | null; soak_until: string | null; gate?: { failed: number; unreachable: number; of: number } }
export type RolloutVerb = 'start' | 'approve' | 'pause' | 'resume' | 'promote' | 'retry' | 'force' | 'finish' | 'abort' | 'rollback';
export interface Rollout {
	id: string; number: number; name: string | null; kind: string; state: string; reason: string | null;
	changes: Change[]; targets: Targets; strategy: Strategy; rollback_of: string | null; current_wave: number | null;
	waves?: Wave[]; counts?: Counts; created_by: string | null; approved_by?: string | null; created_at: string;
	started_at: string | null; finished_at: string | null; state_since?: string | null; revision: number;
	deadline_at?: string | null; priority?: number; forced?: boolean; follows?: boolean;
	actions?: Partial<Record<RolloutVerb, string | null>>;
}
export interface StepError { outcome?: string; phase?: string; code?: string; text?: string; service?: string; stderr?: string; exit?: { code: number; signal: number }; probe?: { kind: string; text: string } }
export interface Step {
	node: string; name: string; wave: number; state: string; online?: boolean; reason: string | null; error: StepError | null; progress?: { done_bytes?: number; total_bytes?: number; saved_bytes?: number } | null;
	generation: number | null; attempt: number; state_since: string | null; deadline_at: string | null; fingerprint?: string | null;
	retries?: number; retry_at?: string | null; window_opens_at?: string | null; superseded_by?: string | null; lost?: string[];
}
export interface Failure {
	fingerprint: string; count: number; first_seen_at: string; last_seen_at: string; example: { node: string; name: string }; names: string[];
	state: string; reason: string | null; error: StepError | null; new: boolean; accepted: boolean; known_since: string | null; known_from: number | null;
}

export interface Alert {
	id: string; rule: string; rule_name?: string; kind: string; state: string; severity: string; summary: string;
	node: string | null; node_name: string | null; service: string | null; rollout: string | null; rollout_number?: number | null; started_at: string;
	firing_at: string | null; acknowledged_at: string | null; acknowledged_by: string | null; resolved_at: string | null;
}
export interface AlertRule { id: string; kind: string; name: string; enabled: boolean; severity: string; for_ms: number; params: Record<string, unknown> | null }
export interface Webhook { id: string; name: string; url: string; events: string[]; enabled: boolean; revision: number; secret?: string }
export interface Delivery {
	id: string; event_id?: string; event_type: string; state: string; attempt: number; next_at: string | null;
	last_status: number | null; last_error: string | null; response_excerpt?: string | null; created_at: string; finished_at: string | null;
}

export interface LogLine { id: number; node: string; service: string; at: string; stream: 'stdout' | 'stderr'; text: string }
export interface EnrollToken { id: string; name: string | null; labels: Labels | null; uses_left?: number; uses?: number; expires_at: string; created_at?: string; revoked_at?: string | null }
export interface NewEnrollToken { id: string; token: string; expires_at: string; ca_fingerprint: string; server_url: string; command: string; install_command: string | null }
export interface ApiToken { id: string; name: string; role: Role; scopes: string[] | null; created_at: string; expires_at: string | null; last_used_at: string | null; revoked_at?: string | null; token?: string }
export interface User { id: string; login: string; name: string | null; role?: Role; disabled_at?: string | null; created_at?: string }
export interface ReleaseKey { id: string; name: string; key_id: string; public_key: string; created_at: string }
export interface ServerVersion { version?: string; build?: string; commit?: string }
