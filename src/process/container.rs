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
