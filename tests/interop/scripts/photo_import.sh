# Two cards whose numbers start again at one: what the archive has is never written over, what came twice stays as it came first, and
# names in capitals are let in.

mkdir -p card1/DCIM/100CANON card2/DCIM/100CANON photos
for number in 1 2 3; do
  printf 'card one, photo %s\n' $number >card1/DCIM/100CANON/IMG_000$number.JPG
  printf 'card two, photo %s\n' $number >card2/DCIM/100CANON/IMG_000$number.JPG
done
printf 'card two only\n' >card2/DCIM/100CANON/IMG_0004.jpg
printf 'thumbnails\n' >card1/DCIM/100CANON/.thumbs.db
printf 'film\n' >card1/DCIM/100CANON/MVI_0001.MOV
chmod -R a+rwx card1 card2
find card1 card2 -type f -exec touch -d '2026-06-01 16:00:00' {} +

import_card() {
  rsync -rt --ignore-existing --no-perms --chmod=D755,F644 -i --prune-empty-dirs \
    --include='*/' --include='*.[jJ][pP][gG]' --include='*.MOV' --exclude='*' "$1/DCIM/" "$FAR$PWD/photos/"
  echo "$1: $?"
}

import_card card1
# Somebody worked on one of them.
printf 'card one, photo 2, in colour\n' >photos/100CANON/IMG_0002.JPG
touch -d '2026-06-05 16:00:00' photos/100CANON/IMG_0002.JPG
import_card card2
import_card card1
