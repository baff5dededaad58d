//! Every line of the specification's tables of events has words in every language.

use cake_bmc::sensor::{detailed, facts_of_the_specification, firmware_details, key};
use cake_i18n::Catalogue;
use cake_types::Language;
use std::collections::BTreeMap;

#[test]
fn every_fact_of_the_specification_has_words() {
    for words in Language::ALL.map(Catalogue::get) {
        let mut missing = Vec::new();
        let mut of_a_class = BTreeMap::new();
        for fact in facts_of_the_specification() {
            let key = key(fact.kind, fact.class, fact.offset);
            if !words.has(&key) {
                missing.push(key.clone());
            }
            // One sensor can't say the same of two different things.
            let text = words.text_with(&key, &[]);
            let other = of_a_class.insert((fact.class, fact.kind, text.clone()), key.clone());
            assert_eq!(other, None, "{} {key}: {text}", words.tag());
        }
        let details = firmware_details().map(|(offset, detail)| detailed(0x0f, 0x6f, offset, detail).key);
        missing.extend(details.filter(|key| !words.has(key)));
        assert!(missing.is_empty(), "{}: {missing:?}", words.tag());
        assert!(words.has("ipmi-oem"));
    }
}

/// Words that no table asks for are somebody's mistake in a number.
#[test]
fn there_are_no_words_for_facts_that_are_not() {
    let mut keys: Vec<_> = facts_of_the_specification().map(|of| key(of.kind, of.class, of.offset)).collect();
    keys.extend(firmware_details().map(|(offset, detail)| detailed(0x0f, 0x6f, offset, detail).key));
    let words = Catalogue::get(Language::English);
    for id in words.ids().filter(|id| id.starts_with("ipmi-") && *id != "ipmi-oem") {
        assert!(keys.iter().any(|key| key == id), "{id}");
    }
}
