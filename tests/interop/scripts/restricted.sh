# A key that may only read one folder: its owner pulls from there, and can neither look elsewhere nor write. $GUARD is the forced
# command, rsync's or ours; the shell in between does what sshd does with one.

mkdir -p served/sub elsewhere got
printf 'for you\n' >served/file
printf 'and this\n' >served/sub/more
printf 'secret\n' >elsewhere/secret
ln -s ../elsewhere served/out
find served elsewhere -exec touch -h -d '2026-10-01 00:00:00' {} +
cat >shell <<END
#!/bin/sh
shift
SSH_ORIGINAL_COMMAND="\$*"
export SSH_ORIGINAL_COMMAND
exec $GUARD
END
chmod 755 shell

rsync -a -e ./shell server:/ got/
echo "all of it: $?"
rsync -a -e ./shell server:/sub/ got2/
echo "a folder: $?"
rsync -a -e ./shell server:/../elsewhere/ got3/ 2>/dev/null || echo "not from elsewhere"
printf 'mine\n' >mine
rsync -a -e ./shell mine server:/ 2>/dev/null || echo "nothing goes there"
find got3 -type f 2>/dev/null
find served -name mine
