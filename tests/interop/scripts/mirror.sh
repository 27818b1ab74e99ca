# A package mirror in two passes: first the packages, then the indexes that name them, put in place together; what is gone upstream
# goes last. Links that lead out of the tree are not taken.

mkdir -p upstream/pool/a upstream/pool/b upstream/dists/stable mirror
printf 'package one\n' >upstream/pool/a/one_1.deb
printf 'package two\n' >upstream/pool/b/two_1.deb
ln upstream/pool/a/one_1.deb upstream/pool/b/same_1.deb
printf 'one_1 two_1\n' >upstream/dists/stable/Packages
printf 'of Packages\n' >upstream/dists/stable/Release
ln -s stable upstream/dists/current
ln -s ../../../etc/passwd upstream/pool/a/out
find upstream -exec touch -h -d '2026-04-01 00:00:00' {} +

mirror() {
  rsync -rtlH --safe-links --exclude='/dists/***' "$FAR$PWD/upstream/" mirror/
  echo "packages: $?"
  rsync -rtlH --safe-links --delete-delay --delay-updates "$FAR$PWD/upstream/" mirror/
  echo "indexes: $?"
}

mirror
rm upstream/pool/b/two_1.deb
printf 'package two, mended\n' >upstream/pool/b/two_2.deb
printf 'one_1 two_2\n' >upstream/dists/stable/Packages
printf 'of the new Packages\n' >upstream/dists/stable/Release
find upstream/pool/b upstream/dists/stable -exec touch -d '2026-04-02 00:00:00' {} +
printf 'ours\n' >mirror/local-note
mirror
