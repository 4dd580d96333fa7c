//! Which interface `live` takes, and what it says of one that does not exist.

use crate::net::{Net, TRAFFIC, signal, stderr_line, wait_for_frames};
use crate::run::told;

#[test]
fn without_a_name_live_takes_the_interface_of_the_default_route_and_lists_the_others() {
    let Some(net) = Net::new() else { return };
    net.shell('b', "ip route add default via 10.77.0.1");
    let mut child = net.command(&["-f", "udp port 8000"]).spawn().unwrap();
    let line = stderr_line(&mut child);
    let said = "portlore: no -i given: using veth0, the interface of the default route; others are";
    assert!(line.starts_with(said) && line.contains("lo"), "{line}");
    assert!(stderr_line(&mut child).contains("capturing on veth0; press Ctrl-C to stop"));
    net.client(TRAFFIC);
    wait_for_frames(&mut child, 3);
    signal(&child, "INT");
    let (status, stdout, stderr) = told(&child.wait_with_output().unwrap());
    assert_eq!(status, 0, "{stderr}");
    assert!(stdout.starts_with("veth0: 3 packets"), "{stdout}");
    let quiet = net.command(&["-q", "--for", "100ms"]).output().unwrap();
    let (status, stdout, stderr) = told(&quiet);
    assert_eq!((status, stderr.as_str()), (0, ""));
    assert!(stdout.starts_with("veth0: "), "{stdout}");
}

#[test]
fn without_a_default_route_live_asks_for_a_name_and_lists_what_there_is() {
    let Some(net) = Net::new() else { return };
    let (status, stdout, stderr) = told(&net.command(&[]).output().unwrap());
    assert_eq!((status, stdout.as_str()), (2, ""));
    let said = "portlore: live: no interface is named and there is no default route; choose one \
                with -i: ";
    assert!(stderr.starts_with(said), "{stderr}");
    assert!(["veth0", "lo", "any"].iter().all(|name| stderr.contains(name)), "{stderr}");
}

#[test]
fn names_are_split_at_commas_and_a_mistyped_one_gets_the_name_that_comes_close() {
    let Some(net) = Net::new() else { return };
    for args in [&["-i", "veth0,lo"][..], &["-i", "veth0", "-i", "lo"]] {
        let output = net.command(&[args, &["--for", "100ms"]].concat()).output().unwrap();
        let (status, stdout, stderr) = told(&output);
        assert!(status == 0 && stderr.contains("capturing on veth0, lo; "), "{stderr}");
        assert!(stdout.starts_with("veth0, lo: "), "{stdout}");
    }
    let (status, _, stderr) = told(&net.command(&["-i", "vteh0"]).output().unwrap());
    assert_eq!(status, 2);
    let said = "portlore: vteh0: no such interface; did you mean veth0? there are: ";
    assert!(stderr.starts_with(said), "{stderr}");
}

#[test]
fn a_live_capture_of_nothing_says_that_the_filter_matched_nothing() {
    let Some(net) = Net::new() else { return };
    let args = ["-i", "veth0", "-f", "udp port 9", "--for", "200ms"];
    let (status, stdout, _) = told(&net.command(&args).output().unwrap());
    assert_eq!(status, 0);
    assert!(stdout.ends_with("\nNo packet matched the filter \"udp port 9\".\n"), "{stdout}");
}
