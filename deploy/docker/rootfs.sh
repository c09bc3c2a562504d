#!/bin/sh
# The root file system of the image: a program, the libraries that it is linked to, certificates, and a user.
#
#   rootfs.sh PROGRAM FOLDER
set -eu

program=$1
root=$2
umask 022

install -D -m 0755 "$program" "$root/usr/bin/rollcall"

# The loader and the libraries, at the paths under which the program looks for them.
ldd "$program" | grep -o '/[^ ]*' | sort -u | while read -r library; do
  install -D -m 0755 "$library" "$root$library"
done

if [ -f /etc/ssl/certs/ca-certificates.crt ]; then
  install -D -m 0644 /etc/ssl/certs/ca-certificates.crt "$root/etc/ssl/certs/ca-certificates.crt"
else
  echo "rootfs.sh: no certificates of the public authorities: install ca-certificates" >&2
  exit 1
fi

# Names resolve by /etc/hosts, then by DNS.
mkdir -p "$root/etc/rollcall" "$root/tmp" "$root/var/lib/rollcall"
printf 'hosts: files dns\n' >"$root/etc/nsswitch.conf"
printf 'rollcall:x:65532:65532:Rollcall:/var/lib/rollcall:/sbin/nologin\n' >"$root/etc/passwd"
printf 'rollcall:x:65532:\n' >"$root/etc/group"

chmod 1777 "$root/tmp"
chmod 0700 "$root/var/lib/rollcall"
if [ "$(id -u)" -eq 0 ]; then chown 65532:65532 "$root/var/lib/rollcall"; fi
