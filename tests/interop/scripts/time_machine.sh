# A backup for each day: what did not change is a hard link to the day before, a run that fails leaves no day, three days are kept.

mkdir -p home/docs home/music backups
printf 'first draft\n' >home/docs/letter
printf 'a song\n' >home/music/song
printf 'secret\n' >home/docs/key
chmod 600 home/docs/key
ln -s docs/letter home/newest
find home -exec touch -h -d '2026-01-01 12:00:00' {} +

backup() {
  rsync -a --delete --numeric-ids --link-dest="$PWD/backups/latest" home/ "$FAR$PWD/backups/$1.part/"
  code=$?
  echo "$1: $code"
  [ $code -eq 0 ] || [ $code -eq 24 ] || return
  mv "backups/$1.part" "backups/$1"
  ln -sfn "$1" backups/latest
}

rotate() {
  ls backups | grep '^day' | sort -r | tail -n +4 | while read -r day; do rm -rf "backups/$day"; done
}

backup day1
printf 'second draft\n' >home/docs/letter
touch -d '2026-01-02 12:00:00' home/docs/letter
backup day2
rm home/music/song
mkdir home/pictures
printf 'a picture\n' >home/pictures/one
find home/pictures -exec touch -d '2026-01-03 12:00:00' {} +
backup day3
chmod 640 home/docs/key
backup day4
backup day5
rotate
