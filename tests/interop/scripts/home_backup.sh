# A home folder with everything that can be kept, to a store where owners and devices cannot be set: they are kept aside
# (--fake-super at the receiving end), and come back.

mkdir -p home/bin home/share store
printf 'echo hello\n' >home/bin/hello
chmod 4750 home/bin/hello
ln home/bin/hello home/bin/hello-too
ln -s bin/hello home/run
printf 'shared\n' >home/share/file
setfattr -n user.comment -v 'kept' home/share/file
setfacl -m u:12:r home/share/file
setfacl -d -m g:13:rx home/share
[ "$(id -u)" -ne 0 ] || chown 1234:2345 home/share/file
find home -exec touch -h -d '2026-05-01 10:00:00' {} +

# Both ends are told apart only where there are two.
if [ -n "$FAR" ]; then there=-M--fake-super; else there=--fake-super; fi

rsync -aHAX --numeric-ids --delete $there home/ "$FAR$PWD/store/"
echo "stored: $?"
rsync -aHAX --numeric-ids --delete -i $there home/ "$FAR$PWD/store/"
echo "again: $?"
printf 'echo hello again\n' >home/bin/hello
touch -d '2026-05-02 10:00:00' home/bin/hello
rm home/run
touch -d '2026-05-02 10:00:00' home
rsync -aHAX --numeric-ids --delete $there home/ "$FAR$PWD/store/"
echo "changed: $?"
if [ -n "$FAR" ]; then
  rsync -aHAX --numeric-ids $there "$FAR$PWD/store/" back/
  echo "brought back: $?"
fi
