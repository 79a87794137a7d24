"""HPACK's Huffman code (RFC 7541 §5.2, appendix B): bytes there and back.

The code is canonical: ordered by length, and those of a length by their symbol, codes are
consecutive numbers. So the lengths are all there is to know, and the tables here follow.
"""

from __future__ import annotations

from typing import Final

from tricorn.wire.errors import HpackError

# Of the codes of bytes 0 to 255, and of the end of string, which a string never has.
_CODE_LENGTHS: Final = (
    b"\x0d\x17\x1c\x1c\x1c\x1c\x1c\x1c\x1c\x18\x1e\x1c\x1c\x1e\x1c\x1c"
    b"\x1c\x1c\x1c\x1c\x1c\x1c\x1e\x1c\x1c\x1c\x1c\x1c\x1c\x1c\x1c\x1c"
    b"\x06\x0a\x0a\x0c\x0d\x06\x08\x0b\x0a\x0a\x08\x0b\x08\x06\x06\x06"
    b"\x05\x05\x05\x06\x06\x06\x06\x06\x06\x06\x07\x08\x0f\x06\x0c\x0a"
    b"\x0d\x06\x07\x07\x07\x07\x07\x07\x07\x07\x07\x07\x07\x07\x07\x07"
    b"\x07\x07\x07\x07\x07\x07\x07\x07\x08\x07\x08\x0d\x13\x0d\x0e\x06"
    b"\x0f\x05\x06\x05\x06\x05\x06\x06\x06\x05\x07\x07\x06\x06\x06\x05"
    b"\x06\x07\x06\x05\x05\x06\x07\x07\x07\x07\x07\x0f\x0b\x0e\x0d\x1c"
    b"\x14\x16\x14\x14\x16\x16\x16\x17\x16\x17\x17\x17\x17\x17\x18\x17"
    b"\x18\x18\x16\x17\x18\x17\x17\x17\x17\x15\x16\x17\x16\x17\x17\x18"
    b"\x16\x15\x14\x16\x16\x17\x17\x15\x17\x16\x16\x18\x15\x16\x17\x17"
    b"\x15\x15\x16\x15\x17\x16\x17\x17\x14\x16\x16\x16\x17\x16\x16\x17"
    b"\x1a\x1a\x14\x13\x16\x17\x16\x19\x1a\x1a\x1a\x1b\x1b\x1a\x18\x19"
    b"\x13\x15\x1a\x1b\x1b\x1a\x1b\x18\x15\x15\x1a\x1a\x1c\x1b\x1b\x1b"
    b"\x14\x18\x14\x15\x16\x15\x15\x17\x16\x16\x19\x19\x18\x18\x1a\x17"
    b"\x1a\x1b\x1a\x1a\x1b\x1b\x1b\x1b\x1b\x1c\x1b\x1b\x1b\x1b\x1b\x1a"
    b"\x1e"
)
_END_OF_STRING: Final = 256
_LONGEST: Final = 30
_ALL_ONES: Final = (1 << _LONGEST) - 1
# Codes of so many bits at most are looked up at once; what is common in fields has less.
_SHORT: Final = 10
_SHORT_ONES: Final = (1 << _SHORT) - 1


def _by_code() -> list[int]:
    return sorted(range(_END_OF_STRING + 1), key=lambda symbol: (_CODE_LENGTHS[symbol], symbol))


def _codes() -> list[int]:
    """Return each symbol's code, without the end of string's."""
    codes = [0] * (_END_OF_STRING + 1)
    code = length = 0
    for symbol in _ORDER_LIST:
        code <<= _CODE_LENGTHS[symbol] - length
        length = _CODE_LENGTHS[symbol]
        codes[symbol] = code
        code += 1
    return codes[:_END_OF_STRING]


def _short_codes() -> list[int]:
    """Return length and symbol, in one number, by the bits that begin with a short code.

    Where a longer code begins there is 0.
    """
    table: list[int] = []
    for symbol in _ORDER_LIST:
        length = _CODE_LENGTHS[symbol]
        if length <= _SHORT:
            table += [length << 8 | symbol] * (1 << _SHORT - length)
    return table + [0] * ((1 << _SHORT) - len(table))


def _places() -> tuple[list[int], list[int]]:
    """Return, for each length, where its codes end, as a beginning of 30 bits, and how far the
    places of its symbols in the order are from its codes."""
    limits, distances = [0] * (_LONGEST + 1), [0] * (_LONGEST + 1)
    code = place = 0
    for length in range(1, _LONGEST + 1):
        code <<= 1
        distances[length] = place - code
        many = _CODE_LENGTHS.count(length)
        code += many
        place += many
        limits[length] = code << _LONGEST - length
    return limits, distances


_ORDER_LIST: Final = _by_code()
_PLACES: Final = _places()
# Arrays of C when compiled.
_ORDER: Final = _ORDER_LIST
_LENGTHS: Final = _CODE_LENGTHS[:_END_OF_STRING]
_CODES: Final = _codes()
_SHORT_CODES: Final = _short_codes()
_LIMITS: Final = _PLACES[0]
_DISTANCES: Final = _PLACES[1]


def most_expanded(size: int) -> int:
    """Return to how many bytes so many of Huffman code may expand."""
    return size * 8 // 5


def expand(text: bytes, start: int, end: int, room: bytearray) -> int:
    """Decode `text[start:end]` into the front of `room`; return how many bytes that are.

    There must be room for `most_expanded()`. Raises `HpackError` for what is no Huffman string:
    the end of string in it, or padding that is too long or has a zero.
    """
    if start < 0 or end > len(text) or end < start or len(room) < most_expanded(end - start):
        raise IndexError("outside the data")
    code = text
    into = room
    # Constants of C when compiled, where the module's are variables.
    short, ones = 10, 0x3FF  # _SHORT
    # More bits are never waiting: 29 of a code that isn't whole, and the next byte's.
    held = 0xFFFFFFFFFF
    bits = count = size = 0
    for at in range(start, end):
        bits = (bits << 8 | code[at]) & held
        count += 8
        while count >= short:
            found = _SHORT_CODES[bits >> (count - short) & ones]
            if found == 0:
                found = _long_code(bits, count)
                if found >> 8 > count:
                    break
            into[size] = found & 0xFF
            size += 1
            count -= found >> 8
    return _expand_rest(bits, count, into, size)


def _expand_rest(bits: int, count: int, into: bytearray, size: int) -> int:
    """Decode what stands in the last bits, and check the padding behind."""
    while 0 < count < _SHORT:
        ones = (1 << _SHORT - count) - 1
        found = _SHORT_CODES[(bits << (_SHORT - count) | ones) & _SHORT_ONES]
        if found == 0 or found >> 8 > count:
            break
        into[size] = found & 0xFF
        size += 1
        count -= found >> 8
    ones = (1 << count) - 1
    if count > 7 or bits & ones != ones:
        raise HpackError("Huffman string with wrong padding")
    return size


def _long_code(bits: int, count: int) -> int:
    """Return length and symbol of the code that the last `count` bits begin with, in one number.

    The length may be more than the bits are. Raises `HpackError` for the end of string.
    """
    if count >= _LONGEST:
        window = bits >> (count - _LONGEST) & _ALL_ONES
    else:
        missing = _LONGEST - count
        window = (bits << missing | (1 << missing) - 1) & _ALL_ONES
    length = _SHORT + 1
    while length < _LONGEST and window >= _LIMITS[length]:
        length += 1
    symbol = _ORDER[(window >> _LONGEST - length) + _DISTANCES[length]]
    if symbol == _END_OF_STRING:
        if count >= _LONGEST:
            raise HpackError("Huffman string with the end of string in it")
        symbol = 0  # it isn't whole
    return length << 8 | symbol


def compressed_size(string: bytes) -> int:
    """Return how many bytes a string has in Huffman code."""
    text = string
    bits = 7
    for at in range(len(string)):
        bits += _LENGTHS[text[at]]
    return bits >> 3


def compress(string: bytes, size: int, room: bytearray, at: int) -> int:
    """Write a string in Huffman code, which has `size` bytes, from `at` on; return its end."""
    if at < 0 or size > len(room) - at:
        raise IndexError("outside the room")
    text = string
    into = room
    bits = count = 0
    for index in range(len(string)):
        byte = text[index]
        # Less than eight bits are held from before.
        bits = (bits & 0xFF) << _LENGTHS[byte] | _CODES[byte]
        count += _LENGTHS[byte]
        while count >= 8:
            count -= 8
            into[at] = bits >> count & 0xFF
            at += 1
    if count:
        into[at] = (bits << (8 - count) | 0xFF >> count) & 0xFF
        at += 1
    return at
