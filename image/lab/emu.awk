# The table `sensors` as commands of ipmi_sim: what is polled from which file (in `room`), its limits, and which events it writes.

# Fifteen bits, the highest first.
function bits(set,    text, i) {
    for (i = 14; i >= 0; i--) text = text (i in set ? "1" : "0")
    return text
}

function polled(code) {
    printf "sensor_add 0x20 0 %d %s %s poll 500 file \"%s/sensors/%s\"\n", $2, kind[$3], code, room, $1
}

function events(set) {
    printf "sensor_set_event_support 0x20 0 %d enable scanning per-state %s %s %s %s\n", $2, bits(set), bits(set), bits(set), bits(set)
}

function number(    i, value, enabled, raw, set) {
    polled("0x01")
    # Columns of the table from lnr to unr; ipmi_sim wants unr ucr unc lnr lcr lnc.
    split("14 13 12 9 10 11", column, " ")
    # The offset of each event (IPMI 2.0 table 42-2): upper ones going high, lower ones going low.
    split("11 9 7 4 2 0", offset, " ")
    for (i = 1; i <= 6; i++) {
        value = $(column[i])
        enabled = enabled (value == "-" ? "0" : "1")
        raw = raw " " (value == "-" ? "0" : int(value / ($6 * 10 ^ $7) + 0.5))
        if (value != "-") set[offset[i]]
    }
    printf "sensor_set_threshold 0x20 0 %d settable %s%s\n", $2, enabled, raw
    events(set)
}

# What is so from the beginning is no event. (ipmi_sim's own word for it, initstate=, is misread by it.)
function states(    words, i, j, pair, set) {
    polled("0x6f")
    for (i = split($7, words, ","); i > 0; i--) {
        split(words[i], pair, "=")
        for (j = 0; j < 8; j++) if (int(pair[2] / 2 ^ j) % 2) {
            set[j]
            if (pair[1] == $6) printf "sensor_set_bit 0x20 0 %d %d 1 0\n", $2, j
        }
    }
    events(set)
}

BEGIN {
    kind["Temperature"] = "0x01"; kind["Voltage"] = "0x02"; kind["Current"] = "0x03"; kind["Fan"] = "0x04"
    kind["Physical_Security"] = "0x05"; kind["Power_Supply"] = "0x08"; kind["Other_Units_Based_Sensor"] = "0x0b"
    kind["Drive_Slot"] = "0x0d"
    print "mc_setbmc 0x20\nmc_add 0x20 0 no-device-sdrs 0x23 9 8 0x9f 0x1291 0xf02 persist_sdr\nsel_enable 0x20 1000 0x0a"
    print "sensor_add 0x20 0 0 35 0x6f event-only"
    print "sensor_set_event_support 0x20 0 0 enable scanning per-state 000000000001111 000000000000000 000000000001111 000000000000000"
}
/^#/ || !NF { next }
$4 == "states" { states(); next }
{ number() }
END {
    printf "mc_add_fru_data 0x20 0 512 file 0 \"%s/fru\"\nmc_enable 0x20\n", room
}
