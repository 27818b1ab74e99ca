# What find finds goes, names with newlines among them, with the folders on the way and nothing else.

mkdir -p project/src/deep/er project/build project/doc copy
printf 'new\n' >project/src/new.c
printf 'old\n' >project/src/old.c
printf 'deep\n' >project/src/deep/er/deep.c
printf 'line\n' >"project/doc/two
lines.c"
printf 'dash\n' >project/doc/-n.c
printf 'object\n' >project/build/new.o
find project -exec touch -d '2020-01-01 00:00:00' {} +
touch -d '2026-07-01 00:00:00' project/src/new.c project/src/deep/er/deep.c project/doc/*

(cd project && find . -name '*.c' -newermt 2026-01-01 -print0) |
  rsync -ai --from0 --files-from=- project/ "$FAR$PWD/copy/"
echo "new ones: $?"
(cd project && find . -type d -print0) | rsync -ai --from0 --files-from=- --no-recursive project/ "$FAR$PWD/copy/"
echo "folders: $?"
printf 'src/old.c\nmissing.c\n# no name\n\ndoc\n' >names
rsync -ai --files-from=names project/ "$FAR$PWD/copy/"
echo "by a file: $?"
