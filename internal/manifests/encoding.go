package manifests

import (
	"bytes"

	"golang.org/x/text/encoding/unicode"
)

const hintUTF8 = "save it as UTF-8"

// decodeText returns a file's content as UTF-8 without a byte order mark, as kubectl does. PowerShell writes UTF-16, and many editors on
// Windows a byte order mark. What kubectl would replace by U+FFFD without a word is a fault.
func decodeText(path string, text []byte) ([]byte, error) {
	at := place{file: path}
	for mark, order := range map[string]unicode.Endianness{"\xff\xfe": unicode.LittleEndian, "\xfe\xff": unicode.BigEndian} {
		units, marked := bytes.CutPrefix(text, []byte(mark))
		if !marked {
			continue
		}
		encoding := unicode.UTF16(order, unicode.IgnoreBOM)
		decoded, err := encoding.NewDecoder().Bytes(units)
		if err != nil {
			return nil, at.fail(hintUTF8, "not UTF-16, though it begins with the byte order mark of it")
		}
		if back, err := encoding.NewEncoder().Bytes(decoded); err != nil || !bytes.Equal(back, units) {
			return nil, at.fail(hintUTF8, "not UTF-16, though it begins with the byte order mark of it")
		}
		text = decoded
		break
	}
	text = bytes.TrimPrefix(text, []byte("\xef\xbb\xbf"))
	if i := bytes.IndexByte(text, 0); i >= 0 {
		at.line = 1 + bytes.Count(text[:i], []byte("\n"))
		return nil, at.fail(hintUTF8, "holds NUL bytes: UTF-16 without a byte order mark, or no text at all")
	}
	return text, nil
}
