# Rotated logs of three servers are brought to one place and go from where they were once they are safe; logs still written to stay.

for server in alpha beta gamma; do
  mkdir -p "$server/log/nginx" "$server/log/app/old" "$server/log/empty"
  printf '%s now\n' $server >$server/log/nginx/access.log
  printf '%s one\n' $server >$server/log/nginx/access.log.1.gz
  printf '%s two\n' $server >$server/log/nginx/access.log.2.gz
  printf '%s old\n' $server >$server/log/app/old/app.log.9.gz
  printf '%s pid\n' $server >$server/log/app/app.pid
done
find alpha beta gamma -exec touch -d '2026-03-01 03:00:00' {} +
mkdir -p logs

for server in alpha beta gamma; do
  rsync -avm --remove-source-files --include='*/' --include='*.gz' --exclude='*' "$FAR$PWD/$server/log/" "logs/$server/"
  echo "$server: $?"
done
# One of them rotates again; nothing that was brought before is lost.
printf 'beta three\n' >beta/log/nginx/access.log.1.gz
touch -d '2026-03-02 03:00:00' beta/log/nginx/access.log.1.gz
rsync -avm --backup --suffix=.before --remove-source-files --include='*/' --include='*.gz' --exclude='*' \
  "$FAR$PWD/beta/log/" logs/beta/
echo "again: $?"
