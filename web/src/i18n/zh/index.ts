/* SPDX-License-Identifier: Apache-2.0 */
import { change } from './change';
import { fleet } from './fleet';
import { frame } from './frame';
import { watch } from './watch';
import type { Dictionary } from '../en';

const zh: Dictionary = { ...frame, ...fleet, ...change, ...watch };

export { sentences } from './sentences';
export default zh;
