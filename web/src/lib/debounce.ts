/* SPDX-License-Identifier: Apache-2.0 */
import { useEffect, useState } from 'react';

/** The value as it was when it had not changed for a while. */
export function useDebounced<T>(value: T, ms = 300): T {
	const [settled, setSettled] = useState(value);
	useEffect(() => {
		const timer = setTimeout(() => setSettled(value), ms);
		return () => clearTimeout(timer);
	}, [value, ms]);
	return settled;
}
