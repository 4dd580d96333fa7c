//! Why a frame has no segment.

use crate::saved::by_name;

macro_rules! skips {
    ($($variant:ident $id:literal $words:literal $doc:literal,)*) => {
        /// Why a frame has no segment.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[non_exhaustive]
        pub enum Skip { $(#[doc = $doc] $variant,)* }

        impl Skip {
            /// Every reason.
            pub const ALL: &[Self] = &[$(Self::$variant,)*];

            /// The name in machine-readable output.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $id,)* }
            }

            /// What such frames are, for people, after their number: `12 outside the time window`.
            #[must_use]
            pub const fn words(self) -> &'static str {
                match self { $(Self::$variant => $words,)* }
            }
        }
    };
}

skips! {
    Filtered "filtered" "excluded by the filter" "The filter of the user excluded it.",
    OutsideTime "outside-time" "outside the time window" "Captured outside the time window of the user.",
    NoPacket "no-packet" "records without a packet" "A record that holds no packet, which Wireshark numbers too: a custom block, a journal entry, a system call.",
    LinkType "link-type" "of an unsupported link type" "A link type that is not decoded.",
    Usb "usb" "USB" "USB, which carries no TCP or UDP as such.",
    Bluetooth "bluetooth" "Bluetooth" "Bluetooth.",
    Netlink "netlink" "netlink" "Linux netlink: the kernel and its programs.",
    Can "can" "CAN" "CAN, the bus of vehicles.",
    WithoutIp "link-without-ip" "of a link type without IP" "Another link type that carries no TCP or UDP as such: telephony, buses, contactless cards.",
    Arp "arp" "ARP" "ARP, RARP.",
    Llc "802.3" "without EtherType (802.3)" "An IEEE 802.3 frame with a length instead of an EtherType: spanning tree and the like.",
    Wifi "802.11" "without data (802.11)" "802.11 without data: management, control, null data.",
    WifiEncrypted "802.11-encrypted" "encrypted (802.11)" "802.11 data that is encrypted.",
    WifiAggregate "802.11-aggregate" "aggregated (802.11)" "802.11 data of several packets in one frame.",
    Ppp "ppp" "PPP without IP" "PPP and `PPPoE` without IP: discovery, control, compressed or encrypted.",
    Mpls "mpls" "MPLS without IP" "MPLS with neither IP nor an Ethernet frame that holds it.",
    Macsec "macsec" "MACsec" "`MACsec` that encrypts.",
    EtherType "ethertype" "of other EtherTypes" "Another EtherType than IP.",
    Icmp "icmp" "ICMP" "ICMP and ICMPv6.",
    Igmp "igmp" "IGMP" "IGMP.",
    Esp "esp" "ESP" "`IPsec`'s encrypted payload.",
    Sctp "sctp" "SCTP" "SCTP.",
    UdpLite "udp-lite" "UDP-Lite" "UDP-Lite.",
    Dccp "dccp" "DCCP" "DCCP.",
    IpProtocol "ip-protocol" "of other IP protocols" "Another IP protocol than TCP and UDP.",
    Tunnel "tunnel" "of tunnels" "A packet of a tunnel itself, or of a tunnel that is not to be decoded.",
    Nested "nested" "nested too deeply" "Deeper nesting than is decoded.",
    Fragment "fragment" "fragments" "A fragment of a datagram; the fragment that completes it gives the segment.",
    FragmentOverlap "fragment-overlap" "overlapping fragments" "A fragment that contradicts others of its datagram, which is given up.",
    Truncated "truncated" "with headers cut off" "The capture cut the headers.",
    Malformed "malformed" "malformed" "The headers contradict themselves.",
}

by_name!(Skip);
