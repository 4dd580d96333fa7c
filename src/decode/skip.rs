//! Why a frame has no segment.

macro_rules! skips {
    ($($variant:ident $id:literal $doc:literal,)*) => {
        /// Why a frame has no segment.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[non_exhaustive]
        pub enum Skip { $(#[doc = $doc] $variant,)* }

        impl Skip {
            /// Every reason.
            pub const ALL: &[Self] = &[$(Self::$variant,)*];

            /// The name in output.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $id,)* }
            }
        }
    };
}

skips! {
    Filtered "filtered" "The filter of the user excluded it.",
    OutsideTime "outside-time" "Captured outside the time window of the user.",
    NoPacket "no-packet" "A record that holds no packet, which Wireshark numbers too: a custom block, a journal entry, a system call.",
    LinkType "link-type" "A link type that is not decoded.",
    Usb "usb" "USB, which carries no TCP or UDP as such.",
    Bluetooth "bluetooth" "Bluetooth.",
    Netlink "netlink" "Linux netlink: the kernel and its programs.",
    Can "can" "CAN, the bus of vehicles.",
    WithoutIp "link-without-ip" "Another link type that carries no TCP or UDP as such: telephony, buses, contactless cards.",
    Arp "arp" "ARP, RARP.",
    Llc "802.3" "An IEEE 802.3 frame with a length instead of an EtherType: spanning tree and the like.",
    Wifi "802.11" "802.11 without data: management, control, null data.",
    WifiEncrypted "802.11-encrypted" "802.11 data that is encrypted.",
    WifiAggregate "802.11-aggregate" "802.11 data of several packets in one frame.",
    Ppp "ppp" "PPP and `PPPoE` without IP: discovery, control, compressed or encrypted.",
    Mpls "mpls" "MPLS with neither IP nor an Ethernet frame that holds it.",
    Macsec "macsec" "`MACsec` that encrypts.",
    EtherType "ethertype" "Another EtherType than IP.",
    Icmp "icmp" "ICMP and ICMPv6.",
    Igmp "igmp" "IGMP.",
    Esp "esp" "`IPsec`'s encrypted payload.",
    Sctp "sctp" "SCTP.",
    UdpLite "udp-lite" "UDP-Lite.",
    Dccp "dccp" "DCCP.",
    IpProtocol "ip-protocol" "Another IP protocol than TCP and UDP.",
    Tunnel "tunnel" "A packet of a tunnel itself, or of a tunnel that is not to be decoded.",
    Nested "nested" "Deeper nesting than is decoded.",
    Fragment "fragment" "A fragment of a datagram; the fragment that completes it gives the segment.",
    FragmentOverlap "fragment-overlap" "A fragment that contradicts others of its datagram, which is given up.",
    Truncated "truncated" "The capture cut the headers.",
    Malformed "malformed" "The headers contradict themselves.",
}
