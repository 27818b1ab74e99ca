# A system tree for another machine: numbers of owners as they are, holes kept, nothing of other file systems, and none of what a
# running system makes anew.

mkdir -p root/bin root/dev root/etc root/proc root/sys root/tmp root/var/cache/apt root/var/lib image
printf 'program\n' >root/bin/program
ln root/bin/program root/bin/alias
chmod 4755 root/bin/program
ln -s bin root/sbin
printf 'guest\n' >root/etc/hostname
printf 'cached\n' >root/var/cache/apt/list
printf 'process\n' >root/proc/1
printf 'left over\n' >root/tmp/file
chmod 1777 root/tmp
truncate -s 5000000 root/var/lib/disk
printf 'data' | dd of=root/var/lib/disk bs=1 seek=3000000 conv=notrunc 2>/dev/null
mkfifo root/dev/initctl
if [ "$(id -u)" -eq 0 ]; then
  mknod -m 666 root/dev/null c 1 3
  mknod -m 660 root/dev/disk b 8 0
  chown 0:42 root/etc/hostname
  chown 4321:4321 root/var/lib
fi
find root -exec touch -h -d '2026-09-01 00:00:00' {} +

copy() {
  rsync -aHAX -S -x --numeric-ids --delete --delete-excluded --info=stats0 \
    --exclude='/proc/*' --exclude='/sys/*' --exclude='/tmp/*' --exclude='/var/cache/apt/*' "$@" root/ "$FAR$PWD/image/"
  echo "copied: $?"
}

copy
copy -i
printf 'stray\n' >image/tmp/stray
printf 'stray\n' >image/stray
rm root/bin/alias
touch -d '2026-09-02 00:00:00' root/bin
copy -i
# The room that the holes do not take.
[ "$(du -k image/var/lib/disk | cut -f1)" -lt 1000 ] && echo "holes are holes"
