use super::byte_set::ByteSet;

/// Unicode groups that have members below U+0100: the only ones that can match one byte.
const WITH_MEMBERS: &[(&str, &[(u8, u8)])] = &[
    ("Any", &[(0x00, 0xff)]),
    ("C", &[(0x00, 0x1f), (0x7f, 0x9f), (0xad, 0xad)]),
    ("Cc", &[(0x00, 0x1f), (0x7f, 0x9f)]),
    ("Cf", &[(0xad, 0xad)]),
    (
        "Common",
        &[
            (0x00, 0x40),
            (0x5b, 0x60),
            (0x7b, 0xa9),
            (0xab, 0xb9),
            (0xbb, 0xbf),
            (0xd7, 0xd7),
            (0xf7, 0xf7),
        ],
    ),
    (
        "L",
        &[
            (0x41, 0x5a),
            (0x61, 0x7a),
            (0xaa, 0xaa),
            (0xb5, 0xb5),
            (0xba, 0xba),
            (0xc0, 0xd6),
            (0xd8, 0xf6),
            (0xf8, 0xff),
        ],
    ),
    (
        "Latin",
        &[
            (0x41, 0x5a),
            (0x61, 0x7a),
            (0xaa, 0xaa),
            (0xba, 0xba),
            (0xc0, 0xd6),
            (0xd8, 0xf6),
            (0xf8, 0xff),
        ],
    ),
    (
        "Ll",
        &[(0x61, 0x7a), (0xb5, 0xb5), (0xdf, 0xf6), (0xf8, 0xff)],
    ),
    ("Lo", &[(0xaa, 0xaa), (0xba, 0xba)]),
    ("Lu", &[(0x41, 0x5a), (0xc0, 0xd6), (0xd8, 0xde)]),
    (
        "N",
        &[(0x30, 0x39), (0xb2, 0xb3), (0xb9, 0xb9), (0xbc, 0xbe)],
    ),
    ("Nd", &[(0x30, 0x39)]),
    ("No", &[(0xb2, 0xb3), (0xb9, 0xb9), (0xbc, 0xbe)]),
    (
        "P",
        &[
            (0x21, 0x23),
            (0x25, 0x2a),
            (0x2c, 0x2f),
            (0x3a, 0x3b),
            (0x3f, 0x40),
            (0x5b, 0x5d),
            (0x5f, 0x5f),
            (0x7b, 0x7b),
            (0x7d, 0x7d),
            (0xa1, 0xa1),
            (0xa7, 0xa7),
            (0xab, 0xab),
            (0xb6, 0xb7),
            (0xbb, 0xbb),
            (0xbf, 0xbf),
        ],
    ),
    ("Pc", &[(0x5f, 0x5f)]),
    ("Pd", &[(0x2d, 0x2d)]),
    ("Pe", &[(0x29, 0x29), (0x5d, 0x5d), (0x7d, 0x7d)]),
    ("Pf", &[(0xbb, 0xbb)]),
    ("Pi", &[(0xab, 0xab)]),
    (
        "Po",
        &[
            (0x21, 0x23),
            (0x25, 0x27),
            (0x2a, 0x2a),
            (0x2c, 0x2c),
            (0x2e, 0x2f),
            (0x3a, 0x3b),
            (0x3f, 0x40),
            (0x5c, 0x5c),
            (0xa1, 0xa1),
            (0xa7, 0xa7),
            (0xb6, 0xb7),
            (0xbf, 0xbf),
        ],
    ),
    ("Ps", &[(0x28, 0x28), (0x5b, 0x5b), (0x7b, 0x7b)]),
    (
        "S",
        &[
            (0x24, 0x24),
            (0x2b, 0x2b),
            (0x3c, 0x3e),
            (0x5e, 0x5e),
            (0x60, 0x60),
            (0x7c, 0x7c),
            (0x7e, 0x7e),
            (0xa2, 0xa6),
            (0xa8, 0xa9),
            (0xac, 0xac),
            (0xae, 0xb1),
            (0xb4, 0xb4),
            (0xb8, 0xb8),
            (0xd7, 0xd7),
            (0xf7, 0xf7),
        ],
    ),
    ("Sc", &[(0x24, 0x24), (0xa2, 0xa5)]),
    (
        "Sk",
        &[
            (0x5e, 0x5e),
            (0x60, 0x60),
            (0xa8, 0xa8),
            (0xaf, 0xaf),
            (0xb4, 0xb4),
            (0xb8, 0xb8),
        ],
    ),
    (
        "Sm",
        &[
            (0x2b, 0x2b),
            (0x3c, 0x3e),
            (0x7c, 0x7c),
            (0x7e, 0x7e),
            (0xac, 0xac),
            (0xb1, 0xb1),
            (0xd7, 0xd7),
            (0xf7, 0xf7),
        ],
    ),
    (
        "So",
        &[(0xa6, 0xa6), (0xa9, 0xa9), (0xae, 0xae), (0xb0, 0xb0)],
    ),
    ("Z", &[(0x20, 0x20), (0xa0, 0xa0)]),
    ("Zs", &[(0x20, 0x20), (0xa0, 0xa0)]),
];

/// The other groups that RE2 knows: naming them is fine, and they match nothing.
const WITHOUT_MEMBERS: &str = "\
    Adlam Ahom Anatolian_Hieroglyphs Arabic Armenian Avestan Balinese Bamum Bassa_Vah Batak \
    Bengali Bhaiksuki Bopomofo Brahmi Braille Buginese Buhid Canadian_Aboriginal Carian \
    Caucasian_Albanian Chakma Cham Cherokee Chorasmian Co Coptic Cs Cuneiform Cypriot \
    Cypro_Minoan Cyrillic Deseret Devanagari Dives_Akuru Dogra Duployan Egyptian_Hieroglyphs \
    Elbasan Elymaic Ethiopic Georgian Glagolitic Gothic Grantha Greek Gujarati Gunjala_Gondi \
    Gurmukhi Han Hangul Hanifi_Rohingya Hanunoo Hatran Hebrew Hiragana Imperial_Aramaic \
    Inherited Inscriptional_Pahlavi Inscriptional_Parthian Javanese Kaithi Kannada Katakana Kawi \
    Kayah_Li Kharoshthi Khitan_Small_Script Khmer Khojki Khudawadi Lao Lepcha Limbu Linear_A \
    Linear_B Lisu Lm Lt Lycian Lydian M Mahajani Makasar Malayalam Mandaic Manichaean Marchen \
    Masaram_Gondi Mc Me Medefaidrin Meetei_Mayek Mende_Kikakui Meroitic_Cursive \
    Meroitic_Hieroglyphs Miao Mn Modi Mongolian Mro Multani Myanmar Nabataean Nag_Mundari \
    Nandinagari New_Tai_Lue Newa Nko Nl Nushu Nyiakeng_Puachue_Hmong Ogham Ol_Chiki \
    Old_Hungarian Old_Italic Old_North_Arabian Old_Permic Old_Persian Old_Sogdian \
    Old_South_Arabian Old_Turkic Old_Uyghur Oriya Osage Osmanya Pahawh_Hmong Palmyrene \
    Pau_Cin_Hau Phags_Pa Phoenician Psalter_Pahlavi Rejang Runic Samaritan Saurashtra Sharada \
    Shavian Siddham SignWriting Sinhala Sogdian Sora_Sompeng Soyombo Sundanese Syloti_Nagri \
    Syriac Tagalog Tagbanwa Tai_Le Tai_Tham Tai_Viet Takri Tamil Tangsa Tangut Telugu Thaana \
    Thai Tibetan Tifinagh Tirhuta Toto Ugaritic Vai Vithkuqi Wancho Warang_Citi Yezidi Yi \
    Zanabazar_Square Zl Zp \
    ";

/// Finds the bytes of a Unicode group, by its name in `\p{name}`; none if RE2 has no such group.
pub(in crate::foundation::matching::re2) fn group(name: &[u8]) -> Option<ByteSet> {
    let found = WITH_MEMBERS
        .iter()
        .find(|(known, _)| known.as_bytes() == name);
    if let Some((_, ranges)) = found {
        return Some(ByteSet::of(ranges));
    }
    let mut others = WITHOUT_MEMBERS.split_ascii_whitespace();
    others
        .any(|known| known.as_bytes() == name)
        .then_some(ByteSet::EMPTY)
}
