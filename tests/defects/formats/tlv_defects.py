"""Install parameters that are bad in one way each: name → bytes, and what the error's message says."""

_NAME = "010454657374"
_VERSION = "0205312e302e30"
_PATH = "040a01028000002c80000001"
_VALID = _NAME + _VERSION + _PATH

_HEX = {
    "empty": ("", "there is no name"),
    "name_missing": (_VERSION + _PATH, "there is no name"),
    "version_missing": (_NAME + _PATH, "there is no version"),
    "path_missing": (_NAME + _VERSION, "there is no path restriction"),
    "name_twice": (_VALID + _NAME, "tag 01 is there twice"),
    "path_twice": (_VALID + _PATH, "tag 04 is there twice"),
    "icon_twice": (_VALID + "0301000301ff", "tag 03 is there twice"),
    "extra_twice": (_VALID + "9f01019f0100", "same thing twice"),
    "dependency_twice": (_VALID + "06040341707006040341707 0", "same thing twice"),
    "data_size": (_VALID + "050400000000", "tag 05 is reserved"),
    "tag_alone": (_VALID + "03", "announces more than there is"),
    "value_cut_short": (_VALID[:-2], "announces more than there is"),
    "length_of_2_gib": (_VALID + "03847fffffff", "84 is not the start of a length"),
    "length_indefinite": (_VALID + "0380", "80 is not the start of a length"),
    "length_cut_short": (_VALID + "0382ff", "announces more than there is"),
    "length_in_two_bytes_instead_of_one": (_VALID + "038101ff", "not in its shortest form"),
    "length_in_three_bytes_instead_of_two": (_VALID + "03820080" + "00" * 128, "not in its shortest form"),
    "trailing_zeros": (_VALID + "0000" * 4, "same thing twice"),
    "name_empty": ("0100" + _VERSION + _PATH, "printable ASCII"),
    "name_not_ascii": ("0102c3a9" + _VERSION + _PATH, "not ASCII text"),
    "name_with_escape_sequence": ("01041b5b324a" + _VERSION + _PATH, "printable ASCII"),
    "dependency_empty": (_VALID + "0600", "announces more than there is"),
    "dependency_without_name": (_VALID + "060100", "printable ASCII"),
    "dependency_with_empty_version": (_VALID + "06050341707000", "a name and a version"),
    "dependency_with_three_parts": (_VALID + "06080341707001310132", "a name and a version"),
    "restriction_empty": (_NAME + _VERSION + "0400", "announces more than there is"),
    "path_cut_short": (_NAME + _VERSION + "0409010280 00002c800000", "announces more than there is"),
    "path_count_without_words": (_NAME + _VERSION + "0402017f", "announces more than there is"),
    "curve_bit_unknown": (_NAME + _VERSION + "040181", "bits without a curve"),
    "empty_path_beside_another": (_NAME + _VERSION + "0407010001 8000002c", "allows everything"),
    "same_path_twice": (_NAME + _VERSION + "040b01018000002c018000002c", "same thing twice"),
    "slip21_without_its_bit": (_NAME + _VERSION + "040501830 04142", "slip21 bit"),
    "slip21_without_zero_byte": (_NAME + _VERSION + "040509 83414243", "starts with a zero byte"),
    "slip21_of_no_bytes": (_NAME + _VERSION + "04020980", "starts with a zero byte"),
    "slip21_empty": (_NAME + _VERSION + "0403098100", "printable ASCII"),
    "slip21_cut_short": (_NAME + _VERSION + "0404098300 41", "announces more than there is"),
    "slip21_not_ascii": (_NAME + _VERSION + "0404098200ff", "not ASCII text"),
}

DEFECTS = {name: (bytes.fromhex(text.replace(" ", "")), message) for name, (text, message) in _HEX.items()}
