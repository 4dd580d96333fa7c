//! The container that a control group belongs to, by the container engines' naming schemes.

/// The prefix before the container id in a group's name, and the engine that uses the prefix.
const PREFIXES: [(&str, &str); 7] = [
    ("docker-", "docker"),
    ("libpod-", "podman"),
    ("cri-containerd-", "containerd"),
    ("crio-", "cri-o"),
    ("nerdctl-", "nerdctl"),
    ("machine-", "machine"),
    ("lxc.payload.", "lxc"),
];
/// Digits of a shortened container id.
const SHORT: usize = 12;

/// The container of a control group's path, such as `docker:0123456789ab`; `None` for a process
/// outside any container.
pub(super) fn from_cgroup(path: &str) -> Option<String> {
    let parts: Vec<&str> = path.split('/').collect();
    // The innermost group comes last.
    parts.iter().enumerate().rev().find_map(|(i, part)| {
        let name =
            part.strip_suffix(".scope").or_else(|| part.strip_suffix(".service")).unwrap_or(part);
        if let Some((rest, engine)) =
            PREFIXES.iter().find_map(|(prefix, engine)| Some((name.strip_prefix(prefix)?, engine)))
        {
            let named_by_people = matches!(*engine, "machine" | "lxc");
            return (named_by_people || is_id(rest)).then(|| format!("{engine}:{}", short(rest)));
        }
        // With the cgroupfs driver the id stands alone, below the engine's or the pod's group.
        let above = i.checked_sub(1).and_then(|i| parts.get(i)).copied().unwrap_or_default();
        let engine = match above {
            "docker" => "docker",
            "lxc" => return Some(format!("lxc:{}", short(name))),
            "libpod_parent" => "podman",
            _ if above.starts_with("pod") || path.contains("kubepods") => "kubernetes",
            _ => "container",
        };
        is_id(name).then(|| format!("{engine}:{}", short(name)))
    })
}

/// The container to which a `docker-proxy` forwards, by its arguments: `docker:172.17.0.2:80`.
/// Docker starts one such process for each published port; it listens outside the container.
/// <https://docs.docker.com/engine/network/packet-filtering-firewalls/>
pub(super) fn from_proxy(words: &[String]) -> Option<String> {
    let (program, arguments) = words.split_first()?;
    if program.rsplit('/').next() != Some("docker-proxy") {
        return None;
    }
    let value = |name: &str| {
        let at = arguments.iter().position(|word| word.trim_start_matches('-') == name)?;
        arguments.get(at + 1)
    };
    Some(format!("docker:{}:{}", value("container-ip")?, value("container-port")?))
}

fn is_id(text: &str) -> bool {
    text.len() == 64 && text.bytes().all(|b| b.is_ascii_hexdigit())
}

fn short(id: &str) -> &str {
    if is_id(id) { &id[..SHORT] } else { id }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_docker_proxy_names_the_container_that_it_forwards_to() {
        let words = |text: &str| text.split(' ').map(str::to_owned).collect::<Vec<_>>();
        let proxy = "/usr/bin/docker-proxy -proto tcp -host-ip 0.0.0.0 -host-port 8080 -container-ip 172.17.0.2 -container-port 80 -use-listen-fd";
        assert_eq!(from_proxy(&words(proxy)).as_deref(), Some("docker:172.17.0.2:80"));
        assert_eq!(from_proxy(&words("docker-proxy -container-ip 172.17.0.2")), None);
        assert_eq!(from_proxy(&words("proxy -container-ip 1.2.3.4 -container-port 80")), None);
        assert_eq!(from_proxy(&[]), None);
    }

    #[test]
    fn engines_are_known_by_how_they_name_groups_and_the_host_is_no_container() {
        let id = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
        for (path, container) in [
            (format!("/system.slice/docker-{id}.scope"), Some("docker:0123456789ab")),
            (format!("/docker/{id}"), Some("docker:0123456789ab")),
            (format!("/docker/{id}/init.scope"), Some("docker:0123456789ab")),
            (format!("/machine.slice/libpod-{id}.scope/container"), Some("podman:0123456789ab")),
            (format!("/kubepods/besteffort/pod1d2c/{id}"), Some("kubernetes:0123456789ab")),
            (
                format!("/kubepods.slice/kubepods-pod1.slice/cri-containerd-{id}.scope"),
                Some("containerd:0123456789ab"),
            ),
            ("/lxc.payload.web/system.slice/nginx.service".into(), Some("lxc:web")),
            ("/lxc/web".into(), Some("lxc:web")),
            ("/machine.slice/machine-web.scope".into(), Some("machine:web")),
            ("/user.slice/user-1000.slice/session-2.scope".into(), None),
            ("/system.slice/docker.service".into(), None),
            ("/system.slice/docker-registry.service".into(), None),
            ("/".into(), None),
        ] {
            assert_eq!(from_cgroup(&path).as_deref(), container, "{path}");
        }
    }
}
