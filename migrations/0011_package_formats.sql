-- SPDX-License-Identifier: Apache-2.0
-- More kinds of archives: lib/package/tarball.h reads them all.

ALTER TABLE package_release DROP CONSTRAINT package_release_format_check;
ALTER TABLE package_release ADD CONSTRAINT package_release_format_check
	CHECK (format IN ('tar.gz', 'tar.xz', 'tar.zst', 'deb'));
