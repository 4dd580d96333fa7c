#!/bin/sh
# A job for cron, which mails what it prints. Usage: cron.sh CAPTURE FOLDER
#
# CAPTURE is what tcpdump wrote since yesterday, FOLDER keeps the report of each run:
#   15 3 * * *  portlore-cron.sh '/var/capture/ring*.pcap' /var/lib/portlore
set -eu
here=$(dirname "$0")
capture=$1 folder=$2 status=0
portlore check "$here/cron.toml" "$capture" --quiet > "$folder/check.txt" || status=$?
# A capture that was cut off (3) is no reason for a mail.
if [ "$status" -ne 0 ] && [ "$status" -ne 3 ]; then
    cat "$folder/check.txt"
fi
portlore replay "$capture" --format json --flows --quiet -o "$folder/today.json" --force || [ $? -eq 3 ]
if [ -f "$folder/yesterday.json" ]; then
    portlore diff "$folder/yesterday.json" "$folder/today.json" > "$folder/diff.txt" || cat "$folder/diff.txt"
fi
mv "$folder/today.json" "$folder/yesterday.json"
[ "$status" -ne 2 ]
