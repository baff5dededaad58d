# The table `sensors` as sdrcomp reads it: one record a sensor, and the records of the BMC and its watchdog.

function common(type, table,    entity) {
    split($5, entity, ".")
    print "sdr type " type
    print "sensor_owner_id 0x20\nsensor_owner_lun 0\nchannel_number 0"
    print "sensor_number " $2 "\nentity_id " entity[1] "\nentity_instance " entity[2]
    print "sensor_type " $3 "\nevent_reading_type_code " table
    print "init_scanning true\ninit_events true\ninit_sensor_type true"
    print "default_event_gen_on true\ndefault_sensor_scan_on true\nsensor_auto_rearm true\nsensor_event_msg_ctrl per_state"
}

# The name: everything from this column on.
function name(from,    text, i) {
    text = $from
    for (i = from + 1; i <= NF; i++) text = text " " $i
    print "id_string \"" text "\"\nendsdr\n"
}

# An event of a limit when it is passed and when it is kept again; the limit can be read and set.
function limit(what, going) {
    print "assert_" what going " true\ndeassert_" what going " true"
    print what "_thrsh_readable true\n" what "_thrsh_settable true"
}

function number(    what, i) {
    common(1, "0x01")
    print "init_thresholds true\nsensor_threshold_access settable"
    split("lnr lcr lnc unc ucr unr", what, " ")
    for (i = 1; i <= 6; i++) if ($(8 + i) != "-") limit(short[what[i]], i <= 3 ? "gl" : "gh")
    print "analog_data_format unsigned\nrate_unit none\nmodifier_unit none\nbase_unit " $4
    print "linearization linear\nm " $6 "\nb 0\nr_exp " $7 "\nb_exp 0\naccuracy 1\nsensor_direction input"
    print "sensor_maximum 255\nsensor_minimum 0"
    name(15)
}

function states(    words, i, pair, bits, seen) {
    common(2, "0x6f")
    for (i = split($7, words, ","); i > 0; i--) { split(words[i], pair, "="); bits[pair[2]] }
    for (i = 0; i < 8; i++) for (value in bits)
        if (int(value / 2 ^ i) % 2 && !seen[i]++)
            print "assert_event" i " true\ndeassert_event" i " true\nevent" i "_state_ret true"
    print "sensor_direction input\nshare_count 1"
    name(8)
}

BEGIN {
    short["lnr"] = "lnr"; short["lcr"] = "lc"; short["lnc"] = "lnc"; short["unc"] = "unc"; short["ucr"] = "uc"; short["unr"] = "unr"
    print "sdr type 18\ndevice_slave_address 0x20\ndevice_channel_number 0\nchassis true\nfru_inventory true\nsel true"
    print "sdr true\nsensor true\nentity_id 7\nentity_instance 1\nid_string \"cake laboratory\"\nendsdr\n"
    print "sdr type 3\nsensor_owner_id 0x20\nsensor_owner_lun 0\nchannel_number 0\nsensor_number 0\nentity_id 7"
    print "entity_instance 1\nsensor_type Watchdog_2\nevent_reading_type_code 0x6f\nid_string \"Watchdog\"\nendsdr\n"
}
/^#/ || !NF { next }
$4 == "states" { states(); next }
{ number() }
