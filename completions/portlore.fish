# Print an optspec for argparse to handle cmd's options that are independent of any subcommand.
function __fish_portlore_global_optspecs
    string join \n h/help V/version
end

function __fish_portlore_needs_command
    # Figure out if the current invocation already has a command.
    set -l cmd (commandline -opc)
    set -e cmd[1]
    argparse -s (__fish_portlore_global_optspecs) -- $cmd 2>/dev/null
    or return
    if set -q argv[1]
        # Also print the command, so this can be used to figure out what it is.
        echo $argv[1]
        return 1
    end
    return 0
end

function __fish_portlore_using_subcommand
    set -l cmd (__fish_portlore_needs_command)
    test -z "$cmd"
    and return 1
    contains -- $cmd[1] $argv
end

complete -c portlore -n "__fish_portlore_needs_command" -s h -l help -d 'Print help'
complete -c portlore -n "__fish_portlore_needs_command" -s V -l version -d 'Print version'
complete -c portlore -n "__fish_portlore_needs_command" -f -a "replay" -d 'Report what is running on the ports in capture files'
complete -c portlore -n "__fish_portlore_needs_command" -f -a "live" -d 'Capture on an interface and report what is running'
complete -c portlore -n "__fish_portlore_needs_command" -f -a "report" -d 'Print the report of a snapshot'
complete -c portlore -n "__fish_portlore_needs_command" -f -a "merge" -d 'Merge the snapshots of several sensors, and print their report'
complete -c portlore -n "__fish_portlore_needs_command" -f -a "osc" -d 'Show the OSC messages in capture files or on an interface'
complete -c portlore -n "__fish_portlore_needs_command" -f -a "check" -d 'Check captures against what you expect of them'
complete -c portlore -n "__fish_portlore_needs_command" -f -a "diff" -d 'Show what differs between two captures or reports'
complete -c portlore -n "__fish_portlore_needs_command" -f -a "slice" -d 'Write the packets of some connections to a capture of their own'
complete -c portlore -n "__fish_portlore_needs_command" -f -a "port" -d 'Show what is known about a port, and what is listening on it here'
complete -c portlore -n "__fish_portlore_needs_command" -f -a "ports" -d 'List everything that is listening on this machine'
complete -c portlore -n "__fish_portlore_needs_command" -f -a "services" -d 'List the services that portlore knows'
complete -c portlore -n "__fish_portlore_needs_command" -f -a "interfaces" -d 'List the interfaces that can be captured on'
complete -c portlore -n "__fish_portlore_needs_command" -f -a "doctor" -d 'Check that live capture works on this machine, and suggest fixes'
complete -c portlore -n "__fish_portlore_needs_command" -f -a "catalogue" -d 'Check your own service files, or list the facts they can match'
complete -c portlore -n "__fish_portlore_needs_command" -f -a "completions" -d 'Print the completion script for a shell'
complete -c portlore -n "__fish_portlore_needs_command" -f -a "help" -d 'Explain a command and all its options'
complete -c portlore -n "__fish_portlore_using_subcommand replay" -l sensors -d 'Read a folder in which each sensor has a folder' -r -F
complete -c portlore -n "__fish_portlore_using_subcommand replay" -l since -d 'Skip packets before TIME; +5m counts from the first one' -r
complete -c portlore -n "__fish_portlore_using_subcommand replay" -l until -d 'Skip packets at or after TIME (same notation as --since)' -r
complete -c portlore -n "__fish_portlore_using_subcommand replay" -l snapshot -d 'Write the final state to a file, for a later run to continue' -r -F
complete -c portlore -n "__fish_portlore_using_subcommand replay" -l resume -d 'Continue from a snapshot; the files follow those that it covers' -r -F
complete -c portlore -n "__fish_portlore_using_subcommand replay" -l sensor -d 'Name of the sensor that made the captures' -r
complete -c portlore -n "__fish_portlore_using_subcommand replay" -l interval -d 'Print a summary line at this interval, such as 10s' -r
complete -c portlore -n "__fish_portlore_using_subcommand replay" -l metrics -d 'Serve Prometheus metrics on a port, such as 9464' -r
complete -c portlore -n "__fish_portlore_using_subcommand replay" -s f -l filter -d 'Only packets that match this filter, as in tcpdump' -r
complete -c portlore -n "__fish_portlore_using_subcommand replay" -l where -d 'Only connections that match, such as \'tag = osc\'' -r
complete -c portlore -n "__fish_portlore_using_subcommand replay" -s c -l count -d 'Stop after N packets' -r
complete -c portlore -n "__fish_portlore_using_subcommand replay" -l local-nets -d 'Networks to treat as local, such as 10.0.0.0/8' -r
complete -c portlore -n "__fish_portlore_using_subcommand replay" -l key -d 'Tell networks apart by vlan, vni or both' -r -f -a "vlan\t'Innermost two VLAN tags'
vni\t'Virtual network: VXLAN or Geneve VNI, GRE key'"
complete -c portlore -n "__fish_portlore_using_subcommand replay" -l max-flows -d 'Maximum number of open connections in memory' -r
complete -c portlore -n "__fish_portlore_using_subcommand replay" -l opening-mib -d 'Memory for the first bytes of connections, in MiB' -r
complete -c portlore -n "__fish_portlore_using_subcommand replay" -l max-servers -d 'Maximum number of servers in memory' -r
complete -c portlore -n "__fish_portlore_using_subcommand replay" -l workers -d 'Number of classifier threads' -r
complete -c portlore -n "__fish_portlore_using_subcommand replay" -l histogram-ports -d 'Maximum number of ports with detailed statistics' -r
complete -c portlore -n "__fish_portlore_using_subcommand replay" -l flows-to -d 'Write connections as rows to .csv, .ndjson or .parquet' -r
complete -c portlore -n "__fish_portlore_using_subcommand replay" -l html -d 'Also write the report as a page for browsers' -r -F
complete -c portlore -n "__fish_portlore_using_subcommand replay" -l only -d 'Print only one part of the report: findings' -r -f -a "findings\t'What does not belong'"
complete -c portlore -n "__fish_portlore_using_subcommand replay" -l fail-on -d 'Exit 1 at this severity or above: note, warning, alert' -r -f -a "alert\t'Alerts only'
warning\t'Warnings and alerts'
note\t'Any finding'"
complete -c portlore -n "__fish_portlore_using_subcommand replay" -l top -d 'Show at most N rows per table (0: all)' -r
complete -c portlore -n "__fish_portlore_using_subcommand replay" -l catalogue -d 'Add your own service files (repeatable)' -r -F
complete -c portlore -n "__fish_portlore_using_subcommand replay" -l format -d 'Format: table, json, ndjson, csv or md' -r -f -a "table\t'Human-readable tables'
json\t'One JSON document'
ndjson\t'One JSON object per line'
csv\t'One table for spreadsheets'
md\t'Tables in Markdown'"
complete -c portlore -n "__fish_portlore_using_subcommand replay" -l sort -d 'Sort tables by bytes, flows, packets, clients or port' -r -f -a "bytes\t'Most bytes first'
flows\t'Most connections first'
packets\t'Most packets first'
clients\t'Most clients first'
port\t'Lowest port first'"
complete -c portlore -n "__fish_portlore_using_subcommand replay" -l table -d 'The table that --format csv or md writes' -r -f -a "ports\t'What speaks on each port'
servers\t'Servers'
services\t'Services and protocols'
findings\t'What does not belong'"
complete -c portlore -n "__fish_portlore_using_subcommand replay" -s o -l output -d 'Write the report to a file' -r -F
complete -c portlore -n "__fish_portlore_using_subcommand replay" -l chain -d 'Read files in the order given, not merged by time'
complete -c portlore -n "__fish_portlore_using_subcommand replay" -l follow -d 'Keep reading files that are still being written'
complete -c portlore -n "__fish_portlore_using_subcommand replay" -l no-tui -d 'Disable the full-screen view even on a terminal'
complete -c portlore -n "__fish_portlore_using_subcommand replay" -l no-names -d 'Do not collect the names of addresses and servers'
complete -c portlore -n "__fish_portlore_using_subcommand replay" -l no-tunnels -d 'Read the outer packets of tunnels, not their content'
complete -c portlore -n "__fish_portlore_using_subcommand replay" -l no-sandbox -d 'Parse packets without the sandbox'
complete -c portlore -n "__fish_portlore_using_subcommand replay" -l why -d 'List connections with the reasons for each verdict'
complete -c portlore -n "__fish_portlore_using_subcommand replay" -l flows -d 'List connections'
complete -c portlore -n "__fish_portlore_using_subcommand replay" -l servers -d 'Add a table of servers, with the proof for each'
complete -c portlore -n "__fish_portlore_using_subcommand replay" -l stats -d 'Add statistics: packets, outcomes, times, sizes'
complete -c portlore -n "__fish_portlore_using_subcommand replay" -l local -d 'Show times in the local time zone instead of UTC'
complete -c portlore -n "__fish_portlore_using_subcommand replay" -l force -d 'Overwrite files that exist'
complete -c portlore -n "__fish_portlore_using_subcommand replay" -s v -l verbose -d 'Also count packets per interface and link type'
complete -c portlore -n "__fish_portlore_using_subcommand replay" -s q -l quiet -d 'Do not print progress or notices'
complete -c portlore -n "__fish_portlore_using_subcommand replay" -s h -l help -d 'Print help'
complete -c portlore -n "__fish_portlore_using_subcommand live" -s i -l interface -d 'Interfaces to capture on: eth0, or lo,eth0, or any' -r
complete -c portlore -n "__fish_portlore_using_subcommand live" -l for -d 'Stop after this time, such as 30s or 1h30m' -r
complete -c portlore -n "__fish_portlore_using_subcommand live" -l expect -d 'Check the capture against a file of expectations' -r -F
complete -c portlore -n "__fish_portlore_using_subcommand live" -s w -l write -d 'Save the captured packets as pcapng' -r -F
complete -c portlore -n "__fish_portlore_using_subcommand live" -s C -l rotate-size -d 'Start a new file after this size, such as 100M' -r
complete -c portlore -n "__fish_portlore_using_subcommand live" -s G -l rotate-time -d 'Start a new file after this time, such as 1h' -r
complete -c portlore -n "__fish_portlore_using_subcommand live" -s W -l keep -d 'Keep only the newest N rotated files' -r
complete -c portlore -n "__fish_portlore_using_subcommand live" -l interval -d 'Print a summary line at this interval, such as 10s' -r
complete -c portlore -n "__fish_portlore_using_subcommand live" -l metrics -d 'Serve Prometheus metrics on a port, such as 9464' -r
complete -c portlore -n "__fish_portlore_using_subcommand live" -s f -l filter -d 'Only packets that match this filter, as in tcpdump' -r
complete -c portlore -n "__fish_portlore_using_subcommand live" -l where -d 'Only connections that match, such as \'tag = osc\'' -r
complete -c portlore -n "__fish_portlore_using_subcommand live" -s c -l count -d 'Stop after N packets' -r
complete -c portlore -n "__fish_portlore_using_subcommand live" -l local-nets -d 'Networks to treat as local, such as 10.0.0.0/8' -r
complete -c portlore -n "__fish_portlore_using_subcommand live" -l key -d 'Tell networks apart by vlan, vni or both' -r -f -a "vlan\t'Innermost two VLAN tags'
vni\t'Virtual network: VXLAN or Geneve VNI, GRE key'"
complete -c portlore -n "__fish_portlore_using_subcommand live" -l max-flows -d 'Maximum number of open connections in memory' -r
complete -c portlore -n "__fish_portlore_using_subcommand live" -l opening-mib -d 'Memory for the first bytes of connections, in MiB' -r
complete -c portlore -n "__fish_portlore_using_subcommand live" -l max-servers -d 'Maximum number of servers in memory' -r
complete -c portlore -n "__fish_portlore_using_subcommand live" -l workers -d 'Number of classifier threads' -r
complete -c portlore -n "__fish_portlore_using_subcommand live" -l histogram-ports -d 'Maximum number of ports with detailed statistics' -r
complete -c portlore -n "__fish_portlore_using_subcommand live" -l flows-to -d 'Write connections as rows to .csv, .ndjson or .parquet' -r
complete -c portlore -n "__fish_portlore_using_subcommand live" -l html -d 'Also write the report as a page for browsers' -r -F
complete -c portlore -n "__fish_portlore_using_subcommand live" -l only -d 'Print only one part of the report: findings' -r -f -a "findings\t'What does not belong'"
complete -c portlore -n "__fish_portlore_using_subcommand live" -l fail-on -d 'Exit 1 at this severity or above: note, warning, alert' -r -f -a "alert\t'Alerts only'
warning\t'Warnings and alerts'
note\t'Any finding'"
complete -c portlore -n "__fish_portlore_using_subcommand live" -l top -d 'Show at most N rows per table (0: all)' -r
complete -c portlore -n "__fish_portlore_using_subcommand live" -l catalogue -d 'Add your own service files (repeatable)' -r -F
complete -c portlore -n "__fish_portlore_using_subcommand live" -l format -d 'Format: table, json, ndjson, csv or md' -r -f -a "table\t'Human-readable tables'
json\t'One JSON document'
ndjson\t'One JSON object per line'
csv\t'One table for spreadsheets'
md\t'Tables in Markdown'"
complete -c portlore -n "__fish_portlore_using_subcommand live" -l sort -d 'Sort tables by bytes, flows, packets, clients or port' -r -f -a "bytes\t'Most bytes first'
flows\t'Most connections first'
packets\t'Most packets first'
clients\t'Most clients first'
port\t'Lowest port first'"
complete -c portlore -n "__fish_portlore_using_subcommand live" -l table -d 'The table that --format csv or md writes' -r -f -a "ports\t'What speaks on each port'
servers\t'Servers'
services\t'Services and protocols'
findings\t'What does not belong'"
complete -c portlore -n "__fish_portlore_using_subcommand live" -s o -l output -d 'Write the report to a file' -r -F
complete -c portlore -n "__fish_portlore_using_subcommand live" -s s -l snap-length -d 'Capture only the first N bytes of each packet' -r
complete -c portlore -n "__fish_portlore_using_subcommand live" -s B -l buffer -d 'Kernel buffer for each interface, such as 64M' -r
complete -c portlore -n "__fish_portlore_using_subcommand live" -l user -d 'User to switch to after opening the interface' -r -f -a "(__fish_complete_users)"
complete -c portlore -n "__fish_portlore_using_subcommand live" -l no-tui -d 'Disable the full-screen view even on a terminal'
complete -c portlore -n "__fish_portlore_using_subcommand live" -l no-names -d 'Do not collect the names of addresses and servers'
complete -c portlore -n "__fish_portlore_using_subcommand live" -l no-tunnels -d 'Read the outer packets of tunnels, not their content'
complete -c portlore -n "__fish_portlore_using_subcommand live" -l no-sandbox -d 'Parse packets without the sandbox'
complete -c portlore -n "__fish_portlore_using_subcommand live" -l why -d 'List connections with the reasons for each verdict'
complete -c portlore -n "__fish_portlore_using_subcommand live" -l flows -d 'List connections'
complete -c portlore -n "__fish_portlore_using_subcommand live" -l servers -d 'Add a table of servers, with the proof for each'
complete -c portlore -n "__fish_portlore_using_subcommand live" -l stats -d 'Add statistics: packets, outcomes, times, sizes'
complete -c portlore -n "__fish_portlore_using_subcommand live" -l local -d 'Show times in the local time zone instead of UTC'
complete -c portlore -n "__fish_portlore_using_subcommand live" -l force -d 'Overwrite files that exist'
complete -c portlore -n "__fish_portlore_using_subcommand live" -s v -l verbose -d 'Also count packets per interface and link type'
complete -c portlore -n "__fish_portlore_using_subcommand live" -s q -l quiet -d 'Do not print progress or notices'
complete -c portlore -n "__fish_portlore_using_subcommand live" -s p -l no-promiscuous -d 'Do not use promiscuous mode'
complete -c portlore -n "__fish_portlore_using_subcommand live" -s h -l help -d 'Print help'
complete -c portlore -n "__fish_portlore_using_subcommand report" -l flows-to -d 'Write connections as rows to .csv, .ndjson or .parquet' -r
complete -c portlore -n "__fish_portlore_using_subcommand report" -l html -d 'Also write the report as a page for browsers' -r -F
complete -c portlore -n "__fish_portlore_using_subcommand report" -l only -d 'Print only one part of the report: findings' -r -f -a "findings\t'What does not belong'"
complete -c portlore -n "__fish_portlore_using_subcommand report" -l fail-on -d 'Exit 1 at this severity or above: note, warning, alert' -r -f -a "alert\t'Alerts only'
warning\t'Warnings and alerts'
note\t'Any finding'"
complete -c portlore -n "__fish_portlore_using_subcommand report" -l top -d 'Show at most N rows per table (0: all)' -r
complete -c portlore -n "__fish_portlore_using_subcommand report" -l catalogue -d 'Add your own service files (repeatable)' -r -F
complete -c portlore -n "__fish_portlore_using_subcommand report" -l format -d 'Format: table, json, ndjson, csv or md' -r -f -a "table\t'Human-readable tables'
json\t'One JSON document'
ndjson\t'One JSON object per line'
csv\t'One table for spreadsheets'
md\t'Tables in Markdown'"
complete -c portlore -n "__fish_portlore_using_subcommand report" -l sort -d 'Sort tables by bytes, flows, packets, clients or port' -r -f -a "bytes\t'Most bytes first'
flows\t'Most connections first'
packets\t'Most packets first'
clients\t'Most clients first'
port\t'Lowest port first'"
complete -c portlore -n "__fish_portlore_using_subcommand report" -l table -d 'The table that --format csv or md writes' -r -f -a "ports\t'What speaks on each port'
servers\t'Servers'
services\t'Services and protocols'
findings\t'What does not belong'"
complete -c portlore -n "__fish_portlore_using_subcommand report" -s o -l output -d 'Write the report to a file' -r -F
complete -c portlore -n "__fish_portlore_using_subcommand report" -l workers -d 'Number of classifier threads' -r
complete -c portlore -n "__fish_portlore_using_subcommand report" -l why -d 'List connections with the reasons for each verdict'
complete -c portlore -n "__fish_portlore_using_subcommand report" -l flows -d 'List connections'
complete -c portlore -n "__fish_portlore_using_subcommand report" -l servers -d 'Add a table of servers, with the proof for each'
complete -c portlore -n "__fish_portlore_using_subcommand report" -l stats -d 'Add statistics: packets, outcomes, times, sizes'
complete -c portlore -n "__fish_portlore_using_subcommand report" -l local -d 'Show times in the local time zone instead of UTC'
complete -c portlore -n "__fish_portlore_using_subcommand report" -l force -d 'Overwrite files that exist'
complete -c portlore -n "__fish_portlore_using_subcommand report" -s v -l verbose -d 'Also count packets per interface and link type'
complete -c portlore -n "__fish_portlore_using_subcommand report" -s q -l quiet -d 'Do not print progress or notices'
complete -c portlore -n "__fish_portlore_using_subcommand report" -l no-sandbox -d 'Parse packets without the sandbox'
complete -c portlore -n "__fish_portlore_using_subcommand report" -s h -l help -d 'Print help'
complete -c portlore -n "__fish_portlore_using_subcommand merge" -l flows-to -d 'Write connections as rows to .csv, .ndjson or .parquet' -r
complete -c portlore -n "__fish_portlore_using_subcommand merge" -l html -d 'Also write the report as a page for browsers' -r -F
complete -c portlore -n "__fish_portlore_using_subcommand merge" -l only -d 'Print only one part of the report: findings' -r -f -a "findings\t'What does not belong'"
complete -c portlore -n "__fish_portlore_using_subcommand merge" -l fail-on -d 'Exit 1 at this severity or above: note, warning, alert' -r -f -a "alert\t'Alerts only'
warning\t'Warnings and alerts'
note\t'Any finding'"
complete -c portlore -n "__fish_portlore_using_subcommand merge" -l top -d 'Show at most N rows per table (0: all)' -r
complete -c portlore -n "__fish_portlore_using_subcommand merge" -l catalogue -d 'Add your own service files (repeatable)' -r -F
complete -c portlore -n "__fish_portlore_using_subcommand merge" -l format -d 'Format: table, json, ndjson, csv or md' -r -f -a "table\t'Human-readable tables'
json\t'One JSON document'
ndjson\t'One JSON object per line'
csv\t'One table for spreadsheets'
md\t'Tables in Markdown'"
complete -c portlore -n "__fish_portlore_using_subcommand merge" -l sort -d 'Sort tables by bytes, flows, packets, clients or port' -r -f -a "bytes\t'Most bytes first'
flows\t'Most connections first'
packets\t'Most packets first'
clients\t'Most clients first'
port\t'Lowest port first'"
complete -c portlore -n "__fish_portlore_using_subcommand merge" -l table -d 'The table that --format csv or md writes' -r -f -a "ports\t'What speaks on each port'
servers\t'Servers'
services\t'Services and protocols'
findings\t'What does not belong'"
complete -c portlore -n "__fish_portlore_using_subcommand merge" -l workers -d 'Number of classifier threads' -r
complete -c portlore -n "__fish_portlore_using_subcommand merge" -s o -l output -d 'Write a snapshot of all sensors to a file' -r -F
complete -c portlore -n "__fish_portlore_using_subcommand merge" -l why -d 'List connections with the reasons for each verdict'
complete -c portlore -n "__fish_portlore_using_subcommand merge" -l flows -d 'List connections'
complete -c portlore -n "__fish_portlore_using_subcommand merge" -l servers -d 'Add a table of servers, with the proof for each'
complete -c portlore -n "__fish_portlore_using_subcommand merge" -l stats -d 'Add statistics: packets, outcomes, times, sizes'
complete -c portlore -n "__fish_portlore_using_subcommand merge" -l local -d 'Show times in the local time zone instead of UTC'
complete -c portlore -n "__fish_portlore_using_subcommand merge" -l force -d 'Overwrite files that exist'
complete -c portlore -n "__fish_portlore_using_subcommand merge" -s v -l verbose -d 'Also count packets per interface and link type'
complete -c portlore -n "__fish_portlore_using_subcommand merge" -s q -l quiet -d 'Do not print progress or notices'
complete -c portlore -n "__fish_portlore_using_subcommand merge" -l no-sandbox -d 'Parse packets without the sandbox'
complete -c portlore -n "__fish_portlore_using_subcommand merge" -s h -l help -d 'Print help'
complete -c portlore -n "__fish_portlore_using_subcommand osc" -s i -l interface -d 'Interfaces to capture on: eth0, or lo,eth0, or any' -r
complete -c portlore -n "__fish_portlore_using_subcommand osc" -l for -d 'Stop after this time, such as 30s or 1h30m' -r
complete -c portlore -n "__fish_portlore_using_subcommand osc" -s f -l filter -d 'Only packets that match this filter, as in tcpdump' -r
complete -c portlore -n "__fish_portlore_using_subcommand osc" -s c -l count -d 'Stop after N messages' -r
complete -c portlore -n "__fish_portlore_using_subcommand osc" -s a -l address -d 'Only messages to these addresses, such as \'/eos/*\'' -r
complete -c portlore -n "__fish_portlore_using_subcommand osc" -l where -d 'Only messages that match, such as \'port = 8000\'' -r
complete -c portlore -n "__fish_portlore_using_subcommand osc" -l port -d 'Only connections from or to this port (repeatable)' -r
complete -c portlore -n "__fish_portlore_using_subcommand osc" -l host -d 'Only connections from or to this host (repeatable)' -r
complete -c portlore -n "__fish_portlore_using_subcommand osc" -l rate -d 'Show at most N messages per second; count the rest' -r
complete -c portlore -n "__fish_portlore_using_subcommand osc" -l format -d 'Output format: text or ndjson' -r -f -a "text\t'Human-readable lines'
ndjson\t'One JSON object per line'"
complete -c portlore -n "__fish_portlore_using_subcommand osc" -s o -l output -d 'Write the messages to a file' -r -F
complete -c portlore -n "__fish_portlore_using_subcommand osc" -s B -l buffer -d 'Kernel buffer for each interface, such as 64M' -r
complete -c portlore -n "__fish_portlore_using_subcommand osc" -l user -d 'User to switch to after opening the interface' -r -f -a "(__fish_complete_users)"
complete -c portlore -n "__fish_portlore_using_subcommand osc" -l local -d 'Show times in the local time zone instead of UTC'
complete -c portlore -n "__fish_portlore_using_subcommand osc" -l force -d 'Overwrite a file that exists'
complete -c portlore -n "__fish_portlore_using_subcommand osc" -s q -l quiet -d 'Do not print progress or notices'
complete -c portlore -n "__fish_portlore_using_subcommand osc" -l no-tunnels -d 'Read the outer packets of tunnels, not their content'
complete -c portlore -n "__fish_portlore_using_subcommand osc" -s p -l no-promiscuous -d 'Do not use promiscuous mode'
complete -c portlore -n "__fish_portlore_using_subcommand osc" -l no-sandbox -d 'Parse packets without the sandbox'
complete -c portlore -n "__fish_portlore_using_subcommand osc" -s h -l help -d 'Print help'
complete -c portlore -n "__fish_portlore_using_subcommand check" -l format -d 'Output format: text, json or junit' -r -f -a "text\t'Human-readable lines'
json\t'One JSON document'
junit\t'JUnit XML'"
complete -c portlore -n "__fish_portlore_using_subcommand check" -s o -l output -d 'Write the result to a file' -r -F
complete -c portlore -n "__fish_portlore_using_subcommand check" -s f -l filter -d 'Only packets that match this filter, as in tcpdump' -r
complete -c portlore -n "__fish_portlore_using_subcommand check" -l where -d 'Only connections that match, such as \'tag = osc\'' -r
complete -c portlore -n "__fish_portlore_using_subcommand check" -l catalogue -d 'Add your own service files (repeatable)' -r -F
complete -c portlore -n "__fish_portlore_using_subcommand check" -l local-nets -d 'Networks to treat as local, such as 10.0.0.0/8' -r
complete -c portlore -n "__fish_portlore_using_subcommand check" -l key -d 'Tell networks apart by vlan, vni or both' -r -f -a "vlan\t'Innermost two VLAN tags'
vni\t'Virtual network: VXLAN or Geneve VNI, GRE key'"
complete -c portlore -n "__fish_portlore_using_subcommand check" -l max-flows -d 'Maximum number of open connections in memory' -r
complete -c portlore -n "__fish_portlore_using_subcommand check" -l opening-mib -d 'Memory for the first bytes of connections, in MiB' -r
complete -c portlore -n "__fish_portlore_using_subcommand check" -l max-servers -d 'Maximum number of servers in memory' -r
complete -c portlore -n "__fish_portlore_using_subcommand check" -l workers -d 'Number of classifier threads' -r
complete -c portlore -n "__fish_portlore_using_subcommand check" -l learn -d 'Write a first file of expectations, which these captures meet'
complete -c portlore -n "__fish_portlore_using_subcommand check" -l force -d 'Overwrite a file that exists'
complete -c portlore -n "__fish_portlore_using_subcommand check" -s q -l quiet -d 'Do not print progress or notices'
complete -c portlore -n "__fish_portlore_using_subcommand check" -l no-names -d 'Do not collect the names of addresses and servers'
complete -c portlore -n "__fish_portlore_using_subcommand check" -l no-tunnels -d 'Read the outer packets of tunnels, not their content'
complete -c portlore -n "__fish_portlore_using_subcommand check" -l no-sandbox -d 'Parse packets without the sandbox'
complete -c portlore -n "__fish_portlore_using_subcommand check" -s h -l help -d 'Print help'
complete -c portlore -n "__fish_portlore_using_subcommand diff" -l format -d 'Output format: text or json' -r -f -a "text\t'Human-readable lines'
json\t'One JSON document'"
complete -c portlore -n "__fish_portlore_using_subcommand diff" -s o -l output -d 'Write the differences to a file' -r -F
complete -c portlore -n "__fish_portlore_using_subcommand diff" -s f -l filter -d 'Only packets that match this filter, as in tcpdump' -r
complete -c portlore -n "__fish_portlore_using_subcommand diff" -l where -d 'Only connections that match, such as \'tag = osc\'' -r
complete -c portlore -n "__fish_portlore_using_subcommand diff" -l catalogue -d 'Add your own service files (repeatable)' -r -F
complete -c portlore -n "__fish_portlore_using_subcommand diff" -l local-nets -d 'Networks to treat as local, such as 10.0.0.0/8' -r
complete -c portlore -n "__fish_portlore_using_subcommand diff" -l key -d 'Tell networks apart by vlan, vni or both' -r -f -a "vlan\t'Innermost two VLAN tags'
vni\t'Virtual network: VXLAN or Geneve VNI, GRE key'"
complete -c portlore -n "__fish_portlore_using_subcommand diff" -l max-flows -d 'Maximum number of open connections in memory' -r
complete -c portlore -n "__fish_portlore_using_subcommand diff" -l opening-mib -d 'Memory for the first bytes of connections, in MiB' -r
complete -c portlore -n "__fish_portlore_using_subcommand diff" -l max-servers -d 'Maximum number of servers in memory' -r
complete -c portlore -n "__fish_portlore_using_subcommand diff" -l workers -d 'Number of classifier threads' -r
complete -c portlore -n "__fish_portlore_using_subcommand diff" -l force -d 'Overwrite a file that exists'
complete -c portlore -n "__fish_portlore_using_subcommand diff" -s q -l quiet -d 'Do not print progress or notices'
complete -c portlore -n "__fish_portlore_using_subcommand diff" -l no-names -d 'Do not collect the names of addresses and servers'
complete -c portlore -n "__fish_portlore_using_subcommand diff" -l no-tunnels -d 'Read the outer packets of tunnels, not their content'
complete -c portlore -n "__fish_portlore_using_subcommand diff" -l no-sandbox -d 'Parse packets without the sandbox'
complete -c portlore -n "__fish_portlore_using_subcommand diff" -s h -l help -d 'Print help'
complete -c portlore -n "__fish_portlore_using_subcommand slice" -l where -d 'Only connections that match, such as \'tag = osc\'' -r
complete -c portlore -n "__fish_portlore_using_subcommand slice" -l spool-limit -d 'Limit for the copy of standard input' -r
complete -c portlore -n "__fish_portlore_using_subcommand slice" -s w -l write -d 'Write a pcapng file; - is standard output' -r -F
complete -c portlore -n "__fish_portlore_using_subcommand slice" -l catalogue -d 'Add your own service files (repeatable)' -r -F
complete -c portlore -n "__fish_portlore_using_subcommand slice" -l key -d 'Tell networks apart by vlan, vni or both, as in replay' -r -f -a "vlan\t'Innermost two VLAN tags'
vni\t'Virtual network: VXLAN or Geneve VNI, GRE key'"
complete -c portlore -n "__fish_portlore_using_subcommand slice" -l workers -d 'Number of classifier threads' -r
complete -c portlore -n "__fish_portlore_using_subcommand slice" -l chain -d 'Read files one after another, not merged by time'
complete -c portlore -n "__fish_portlore_using_subcommand slice" -l evidence -d 'Only handshakes and packets that prove verdicts'
complete -c portlore -n "__fish_portlore_using_subcommand slice" -l force -d 'Overwrite a file that exists'
complete -c portlore -n "__fish_portlore_using_subcommand slice" -s q -l quiet -d 'Do not print progress or notices'
complete -c portlore -n "__fish_portlore_using_subcommand slice" -l no-tunnels -d 'Select the outer packets of tunnels, not their content'
complete -c portlore -n "__fish_portlore_using_subcommand slice" -l no-sandbox -d 'Parse packets without the sandbox'
complete -c portlore -n "__fish_portlore_using_subcommand slice" -s h -l help -d 'Print help'
complete -c portlore -n "__fish_portlore_using_subcommand port" -l format -d 'Output format: table, json or md' -r -f -a "table\t'Text for people'
json\t'One JSON document'
md\t'Markdown: what is known of the port, without what listens here'"
complete -c portlore -n "__fish_portlore_using_subcommand port" -l catalogue -d 'Add your own service files (repeatable)' -r -F
complete -c portlore -n "__fish_portlore_using_subcommand port" -l all -d 'Show every service that uses the port, with all notes'
complete -c portlore -n "__fish_portlore_using_subcommand port" -s h -l help -d 'Print help'
complete -c portlore -n "__fish_portlore_using_subcommand ports" -l format -d 'Output format: table or json' -r -f -a "table\t'Human-readable text'
json\t'One JSON document'"
complete -c portlore -n "__fish_portlore_using_subcommand ports" -l catalogue -d 'Add your own service files (repeatable)' -r -F
complete -c portlore -n "__fish_portlore_using_subcommand ports" -s h -l help -d 'Print help'
complete -c portlore -n "__fish_portlore_using_subcommand services" -l format -d 'Output format: table or json' -r -f -a "table\t'Human-readable text'
json\t'One JSON document'"
complete -c portlore -n "__fish_portlore_using_subcommand services" -l catalogue -d 'Add your own service files (repeatable)' -r -F
complete -c portlore -n "__fish_portlore_using_subcommand services" -s h -l help -d 'Print help'
complete -c portlore -n "__fish_portlore_using_subcommand interfaces" -s h -l help -d 'Print help'
complete -c portlore -n "__fish_portlore_using_subcommand doctor" -l sandbox-test -d 'Test that the sandbox refuses every forbidden system call'
complete -c portlore -n "__fish_portlore_using_subcommand doctor" -l no-sandbox -d 'Run the test without the sandbox, to check that the test detects it'
complete -c portlore -n "__fish_portlore_using_subcommand doctor" -s h -l help -d 'Print help'
complete -c portlore -n "__fish_portlore_using_subcommand catalogue; and not __fish_seen_subcommand_from check facts" -s h -l help -d 'Print help'
complete -c portlore -n "__fish_portlore_using_subcommand catalogue; and not __fish_seen_subcommand_from check facts" -f -a "check" -d 'Check service files'
complete -c portlore -n "__fish_portlore_using_subcommand catalogue; and not __fish_seen_subcommand_from check facts" -f -a "facts" -d 'List the facts that service files can match'
complete -c portlore -n "__fish_portlore_using_subcommand catalogue; and __fish_seen_subcommand_from check" -l against -d 'Show what the files recognise in a capture' -r -F
complete -c portlore -n "__fish_portlore_using_subcommand catalogue; and __fish_seen_subcommand_from check" -s h -l help -d 'Print help'
complete -c portlore -n "__fish_portlore_using_subcommand catalogue; and __fish_seen_subcommand_from facts" -s h -l help -d 'Print help'
complete -c portlore -n "__fish_portlore_using_subcommand completions" -s h -l help -d 'Print help'
complete -c portlore -n "__fish_portlore_using_subcommand help" -s h -l help -d 'Print help'
