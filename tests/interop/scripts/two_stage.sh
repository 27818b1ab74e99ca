# A large file goes over a bad line into a spool, in more than one attempt, and from there to its place once it is whole.

mkdir -p outbox spool/.rsync-partial place
head -c 3000000 /dev/zero | tr '\0' 'a' >outbox/image
printf 'tail\n' >>outbox/image
printf 'note\n' >outbox/note
find outbox -exec touch -d '2026-08-01 00:00:00' {} +
# The first attempt broke off.
head -c 1000000 outbox/image >spool/.rsync-partial/image
chmod 700 spool/.rsync-partial

rsync -a --partial-dir=.rsync-partial --timeout=60 --bwlimit=20m outbox/ "$FAR$PWD/spool/"
echo "to the spool: $?"
ls -A spool
rsync -a --checksum --exclude=/.rsync-partial --remove-source-files spool/ place/
echo "to its place: $?"
rsync -a --partial-dir=.rsync-partial --ignore-existing outbox/ "$FAR$PWD/place/"
echo "once more: $?"
