//! A server's serial console through its BMC: serial over LAN (IPMI 2.0 §15, §24).

use crate::words::words;

/// Who looks at one server's console at a time.
pub const CONSOLE_VIEWERS: usize = 16;

words! {
    /// Why a server's serial console can't be had. Its problem is `console-TROUBLE`.
    ConsoleTrouble {
        /// Somebody else than cake has it, and the BMC gives it to one at a time (completion codes 80h and 82h, table 24-2).
        Held = "held",
        /// It is switched off in the BMC's settings (81h).
        Off = "off",
        /// The BMC's user may not have it (D4h).
        Forbidden = "forbidden",
        /// The BMC gives it without encryption only (83h).
        Unencrypted = "unencrypted",
        /// The BMC has no serial over LAN (C1h).
        Unsupported = "unsupported",
        /// Its BMC speaks Redfish, and no IPMI.
        RedfishOnly = "redfish-only",
        /// The BMC is asked by the kernel's own device, and serial over LAN goes over the network.
        Local = "local",
        /// As many look as may at a time.
        Full = "full",
    }

    /// How a server's serial console ended. Its sentence is `server-console-ended-END`.
    ConsoleEnd {
        /// The BMC ended it: it was taken over by somebody else, or switched off there.
        Bmc = "bmc",
        /// The BMC is not heard any more.
        Lost = "lost",
        /// The server was removed, or its BMC is reached in another way by now.
        Changed = "changed",
    }
}
