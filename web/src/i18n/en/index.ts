/* SPDX-License-Identifier: Apache-2.0 */
import type { Sentence } from '../sentences';
import { change } from './change';
import { fleet } from './fleet';
import { frame } from './frame';
import { watch } from './watch';

const en = { ...frame, ...fleet, ...change, ...watch };

export type Dictionary = { [K in keyof typeof en]: string };
/** The server speaks English itself. */
export const sentences: Sentence[] = [];

export default en;
