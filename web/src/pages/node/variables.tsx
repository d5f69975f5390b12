/* SPDX-License-Identifier: Apache-2.0 */
import type { Node } from '../../api/types';
import { VariablesPanel } from '../../ui/variables';

export function NodeVariables({ node }: { node: Node }) {
	return <VariablesPanel base={`/nodes/${node.id}/variables`} own="node" />;
}
