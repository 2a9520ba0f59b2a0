package kmsapi

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode/utf8"
)

// EncryptionContext is additional data that KMS binds to a ciphertext without storing it: the same context must be
// given to Decrypt (§4.11). On the wire it is a JSON object of strings. KMS also takes it spread over parameters called
// EncryptionContext.<name>, as some SDKs send it.
type EncryptionContext map[string]string

// JSON returns the wire form, with names in order, and "" for an empty context: no context and an empty one are the
// same.
func (c EncryptionContext) JSON() string {
	if len(c) == 0 {
		return ""
	}
	if text, ok := c.plainJSON(); ok {
		return text
	}
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(map[string]string(c)); err != nil {
		panic("kmsapi: internal error: a map of strings did not encode: " + err.Error())
	}
	return strings.TrimSuffix(b.String(), "\n")
}

// plainJSON is JSON for a context of plain ASCII with nothing to escape, which nearly all are.
func (c EncryptionContext) plainJSON() (string, bool) {
	var few [8]string
	names, size := few[:0], len("{}")
	for name, value := range c {
		if !isPlain(name) || !isPlain(value) {
			return "", false
		}
		names = append(names, name)
		size += len(name) + len(value) + len(`"":"",`)
	}
	slices.Sort(names)
	var b strings.Builder
	b.Grow(size)
	separator := `{"`
	for _, name := range names {
		b.WriteString(separator)
		b.WriteString(name)
		b.WriteString(`":"`)
		b.WriteString(c[name])
		separator = `","`
	}
	b.WriteString(`"}`)
	return b.String(), true
}

func isPlain(text string) bool {
	for i := range len(text) {
		if c := text[i]; c < ' ' || c > '~' || c == '"' || c == '\\' {
			return false
		}
	}
	return true
}

func (c *EncryptionContext) wire() string { return c.JSON() }

func (c *EncryptionContext) parse(text string) (err error) {
	*c, err = ParseEncryptionContext(text)
	if err != nil {
		return fmt.Errorf("must be a JSON object of strings: %w", err)
	}
	return nil
}

// contextRule is the rule of EncryptionContext in nearly every operation that has it.
var contextRule = Rule{Name: "EncryptionContext"}

// collect makes a context from parameters, as strictly as ParseEncryptionContext makes one from JSON.
func (c *EncryptionContext) collect(spread Params) error {
	if spread.Duplicate() != "" {
		return errContextTwice
	}
	context := EncryptionContext{}
	for _, p := range spread {
		if strings.ContainsRune(p.Name+p.Value, utf8.RuneError) {
			return errContextNotText
		}
		context[p.Name] = p.Value
	}
	if utf8.RuneCountInString(context.JSON()) > MaxEncryptionContext {
		return errContextTooLong
	}
	*c = context
	return nil
}

// Why either form of a context may be refused.
var (
	errContextTwice   = errors.New("it has a name twice")
	errContextNotText = errors.New("it holds a string that is not Unicode")
	errContextTooLong = fmt.Errorf("it is longer than %d characters", MaxEncryptionContext)
)

// ParseEncryptionContext reads the wire form. It refuses JSON that two readers could understand differently: a name
// given twice, a value that is not a string, a string that is not Unicode, anything after the object.
func ParseEncryptionContext(text string) (EncryptionContext, error) {
	if utf8.RuneCountInString(text) > MaxEncryptionContext {
		return nil, errContextTooLong
	}
	if plain, ok := parsePlain(text); ok {
		return plain, nil
	}
	dec := json.NewDecoder(strings.NewReader(text))
	if t, err := dec.Token(); err != nil || t != json.Delim('{') {
		return nil, errors.New("it is not a JSON object")
	}
	context := EncryptionContext{}
	for dec.More() {
		name, err := stringToken(dec)
		if err != nil {
			return nil, err
		}
		if _, twice := context[name]; twice {
			return nil, errContextTwice
		}
		if context[name], err = stringToken(dec); err != nil {
			return nil, err
		}
	}
	if _, err := dec.Token(); err != nil {
		return nil, errors.New("it is not a JSON object")
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("it has text after the JSON object")
	}
	return context, nil
}

// parsePlain reads what plainJSON writes. ok is false for any other text, good or bad.
func parsePlain(text string) (_ EncryptionContext, ok bool) {
	context := EncryptionContext{}
	rest, more := strings.CutPrefix(text, "{")
	for more {
		name, afterName, ok := cutPlain(rest)
		if !ok || !strings.HasPrefix(afterName, ":") {
			return nil, false
		}
		value, afterValue, ok := cutPlain(afterName[1:])
		if _, twice := context[name]; twice || !ok {
			return nil, false
		}
		context[name] = value
		if rest, more = strings.CutPrefix(afterValue, ","); !more {
			return context, afterValue == "}"
		}
	}
	return nil, false
}

// cutPlain cuts a JSON string with nothing to unescape off the beginning of text.
func cutPlain(text string) (value, rest string, ok bool) {
	text, ok = strings.CutPrefix(text, `"`)
	if !ok {
		return "", "", false
	}
	value, rest, ok = strings.Cut(text, `"`)
	return value, rest, ok && isPlain(value)
}

// stringToken reads one JSON string. encoding/json replaces invalid Unicode with U+FFFD, which would make two different
// contexts equal, so that character is refused.
func stringToken(dec *json.Decoder) (string, error) {
	token, err := dec.Token()
	if err != nil {
		return "", errors.New("it is not a JSON object")
	}
	text, ok := token.(string)
	if !ok {
		return "", errors.New("its names and values must be strings")
	}
	if strings.ContainsRune(text, utf8.RuneError) {
		return "", errContextNotText
	}
	return text, nil
}
