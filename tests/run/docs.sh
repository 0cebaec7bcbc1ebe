#!/usr/bin/env bash
# Builds the documentation site in the folder $1, with the antsibull-docs that is in PATH.
set -euo pipefail
site=$1
rm -rf "$site"
mkdir -p "$site"
chmod 700 "$site"
antsibull-docs sphinx-init --use-current --squash-hierarchy backupops.veeam_em --dest-dir "$site"
# No look-ups in other projects' inventories, so that the site builds offline; hence no complaint about their labels.
# tests/unit/test_references.py looks at the collection's own. ANSIBLE_CACHE_PLUGIN and its kin are ansible-core's.
printf "\nintersphinx_mapping = {}\nsuppress_warnings = ['ref.ref']\n" >> "$site/conf.py"
printf "nitpick_ignore_regex = [('envvar', 'ANSIBLE_CACHE_.*')]\n" >> "$site/conf.py"
"$site/build.sh"
echo "The site: $site/build/html/index.html"
