# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
#
# Sourced by make-packages.sh: fetches .deb files of Debian 12 and of its backports without touching the system.
#
# The machine's apt sources seldom name the backports, and adding them there would change what its owner
# installs later. So apt runs with a configuration of ours: own sources, derived from the
# mirrors that the system uses, own lists and caches, all in one folder. Nothing needs root.

# debs_init DIR: prepare the private apt in DIR.
debs_init() {
	debs_dir=$1
	mkdir -p "$debs_dir"/{lists/partial,archives/partial,sources.d}
	: >"$debs_dir/status"
	debs_sources >"$debs_dir/sources.list"
	[ -s "$debs_dir/sources.list" ] || {
		echo "no Debian 12 (bookworm) entry in the apt sources of this machine" >&2
		return 1
	}
	cat >"$debs_dir/apt.conf" <<-END
		Dir::Etc::SourceList "$debs_dir/sources.list";
		Dir::Etc::SourceParts "$debs_dir/sources.d";
		Dir::Etc::Preferences "/dev/null";
		Dir::Etc::PreferencesParts "$debs_dir/sources.d";
		Dir::State "$debs_dir";
		Dir::State::Lists "$debs_dir/lists";
		Dir::State::Status "$debs_dir/status";
		Dir::Cache "$debs_dir";
		Dir::Cache::Archives "$debs_dir/archives";
		Acquire::Languages "none";
		Acquire::Retries "3";
		APT::Sandbox::User "";
		APT::Get::List-Cleanup "false";
	END
	# A mirror without backports is no reason to stop: debs_version tells what there is.
	debs_apt -q update >"$debs_dir/update.log" 2>&1 || tail -n 5 "$debs_dir/update.log" >&2
}

debs_apt() {
	APT_CONFIG=$debs_dir/apt.conf apt-get "$@"
}

# The system's entries for bookworm, as one-line sources, and the backports from the mirror of the first.
debs_sources() {
	local files=() file
	for file in /etc/apt/sources.list /etc/apt/sources.list.d/*.list /etc/apt/sources.list.d/*.sources; do
		[ -r "$file" ] && files+=("$file")
	done
	[ ${#files[@]} -gt 0 ] || return 0
	awk '
		function entry(uri, suite) {
			if (suite !~ /^bookworm(-security|-updates)?$/ || seen[uri, suite]++)
				return
			print "deb " uri " " suite " main"
			if (suite == "bookworm" && !mirror)
				mirror = uri
		}
		function stanza(   i, j, u, s, nu, ns) {
			nu = split(uris, u, " ")
			ns = split(suites, s, " ")
			for (i = 1; i <= nu; i++)
				for (j = 1; j <= ns; j++)
					entry(u[i], s[j])
			uris = suites = ""
		}
		FNR == 1 { stanza() }
		/^[ \t]*#/ { next }
		/^deb[ \t]/ { sub(/\[[^]]*\]/, ""); entry($2, $3); next }
		/^URIs:/ { uris = substr($0, 6) }
		/^Suites:/ { suites = substr($0, 8) }
		/^[ \t]*$/ { stanza() }
		END {
			stanza()
			if (mirror)
				print "deb " mirror " bookworm-backports main"
		}' "${files[@]}"
}

# debs_version PACKAGE SUITE: the version that the suite has, nothing if it has none.
debs_version() {
	APT_CONFIG=$debs_dir/apt.conf apt-cache madison "$1" |
		awk -F ' *\\| *' -v suite="$2/main" 'index($3, " " suite " ") { print $2; exit }'
}

# debs_unpack DIR PACKAGE[=VERSION]...: download them and unpack them into DIR.
debs_unpack() {
	local into=$1 deb
	shift
	mkdir -p "$into"
	rm -rf "$debs_dir/fetch"
	mkdir "$debs_dir/fetch"
	(cd "$debs_dir/fetch" && debs_apt -q download "$@") >"$debs_dir/download.log" 2>&1 || {
		cat "$debs_dir/download.log" >&2
		return 1
	}
	for deb in "$debs_dir"/fetch/*.deb; do
		dpkg-deb -x "$deb" "$into"
	done
	rm -rf "$debs_dir/fetch"
}
