# A site goes out twice: what visitors uploaded stays, what the repository and the editor keep for themselves does not travel, a
# configuration made on the server is left alone, and what a release no longer has is deleted. The second time is looked at first.

mkdir -p site/.git site/assets/css site/templates live/uploads live/cache
printf 'ref: main\n' >site/.git/HEAD
printf '<h1>one</h1>\n' >site/index.html
printf 'body {}\n' >site/assets/css/main.css
printf 'draft\n' >'site/notes for us.txt~'
printf 'page\n' >site/templates/page.tpl
printf 'old\n' >site/templates/old.tpl
printf 'debug=1\n' >site/config.local
printf '*.tpl.bak\nnode_modules/\n' >site/.deployignore
printf 'of the server\n' >live/config.local
printf 'a photo\n' >live/uploads/photo.jpg
printf 'cached\n' >live/cache/page
printf 'stale\n' >live/stale.html
find site live -exec touch -h -d '2026-02-01 08:00:00' {} +

deploy() {
  rsync -rlpt -i --delete-after --chmod=D755,F644 --exclude-from=site/.deployignore --exclude=.git --exclude='*~' \
    --filter='P /uploads/***' --filter='- /uploads/' --filter='P /config.local' --filter='- /config.local' --filter='R cache/' "$@" \
    site/ "$FAR$PWD/live/"
  echo "deployed: $?"
}

deploy
printf '<h1>two</h1>\n' >site/index.html
touch -d '2026-02-02 08:00:00' site/index.html
rm site/templates/old.tpl
touch -d '2026-02-02 08:00:00' site/templates
mkdir site/node_modules
printf 'module\n' >site/node_modules/module.js
touch -d '2026-02-02 08:00:00' site/node_modules site
deploy --dry-run
deploy
deploy
