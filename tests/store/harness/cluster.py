#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A throw-away PostgreSQL cluster for the tests, on a unix socket only.

  cluster.py start FILE   starts one and writes its connection string to FILE
  cluster.py stop FILE    stops the one that FILE names

A watcher stops the cluster and removes its folder when the caller of "start" (ctest) ends, however it
ends. As root, PostgreSQL runs as an unprivileged user, since it refuses to run as root.
"""
import glob
import os
import pathlib
import pwd
import select
import shutil
import subprocess
import sys
import tempfile

USERS = ('postgres', 'nobody')
SETTINGS = {
    'listen_addresses': "''",
    'fsync': 'off',
    'synchronous_commit': 'off',
    'full_page_writes': 'off',
    'max_connections': '50',
    'shared_buffers': '32MB',
}


def binaries():
    """Debian keeps them out of PATH, one folder per version."""
    folders = sorted(glob.glob('/usr/lib/postgresql/*/bin'), key=lambda p: int(p.split('/')[4]))
    if folders:
        return folders[-1]
    return os.path.dirname(shutil.which('initdb') or sys.exit('PostgreSQL is not installed'))


def unprivileged():
    """Keyword arguments for subprocess."""
    if os.getuid() != 0:
        return {}
    for name in USERS:
        try:
            user = pwd.getpwnam(name)
        except KeyError:
            continue
        return {'user': user.pw_uid, 'group': user.pw_gid, 'extra_groups': []}
    sys.exit('no unprivileged user to run PostgreSQL as')


def run(folder, program, *arguments):
    environment = {key: value for key, value in os.environ.items() if not key.startswith('PG')}
    subprocess.run([f'{binaries()}/{program}', *arguments], check=True, cwd=folder,
                   stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, env=environment,
                   **unprivileged())


def start(target):
    folder = tempfile.mkdtemp(prefix='mpg')
    identity = unprivileged()
    if identity:
        os.chown(folder, identity['user'], identity['group'])
    os.chmod(folder, 0o755)
    data = f'{folder}/data'
    run(folder, 'initdb', '-D', data, '-U', 'muster', '-A', 'trust', '--no-sync', '-E', 'UTF8',
        '--locale=C')
    with open(f'{data}/postgresql.auto.conf', 'a', encoding='ascii') as settings:
        settings.write(''.join(f'{key} = {value}\n' for key, value in SETTINGS.items()))
        settings.write(f"unix_socket_directories = '{folder}'\n")
    run(folder, 'pg_ctl', '-D', data, '-w', '-t', '60', '-l', f'{folder}/log', 'start')
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(f'host={folder} user=muster dbname=postgres\n')
    watch(os.getppid(), folder)


def watch(caller, folder):
    """Leaves a process behind that outlives us but not the caller."""
    descriptor = os.pidfd_open(caller)
    if os.fork():
        return
    os.setsid()
    null = os.open(os.devnull, os.O_RDWR)
    for number in (0, 1, 2):
        os.dup2(null, number)
    select.select([descriptor], [], [])
    remove(folder)
    os._exit(0)


def remove(folder):
    if os.path.exists(f'{folder}/data/postmaster.pid'):
        try:
            run(folder, 'pg_ctl', '-D', f'{folder}/data', '-m', 'immediate', '-w', 'stop')
        except subprocess.CalledProcessError:
            pass
    shutil.rmtree(folder, ignore_errors=True)


def stop(target):
    folder = target.read_text().split()[0].removeprefix('host=')
    remove(folder)
    target.unlink()


def main():
    if len(sys.argv) != 3 or sys.argv[1] not in ('start', 'stop'):
        sys.exit(__doc__)
    {'start': start, 'stop': stop}[sys.argv[1]](pathlib.Path(sys.argv[2]))


if __name__ == '__main__':
    main()
