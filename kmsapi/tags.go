package kmsapi

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode/utf8"
)

// A Tag is a name and a value that a CMK carries (§4.19).
type Tag struct {
	// TagKey has 1 to [MaxTagKey] characters and is unique within a CMK.
	TagKey string
	// TagValue has up to [MaxTagValue] characters.
	TagValue string
}

// Tags are what TagResource adds or changes. On the wire they are a JSON array of objects.
type Tags []Tag

// TagKeys are what UntagResource removes. On the wire they are a JSON array of strings.
type TagKeys []string

// Limits of tags, in characters, for every operation that has tags: those of today's API. §4.19 allowed values of 256
// characters, and no backslash.
const (
	MaxTagKey   = 128
	MaxTagValue = 128
	// MaxTags is how many tags a CMK may have, however they were added. TagResource's limit used to be 10; that of
	// CreateKey and TagResources is 20.
	MaxTags = 20
)

// The requirements on the values of Tags and TagKeys.
const (
	tagsForm    = `look like [{"TagKey":"…","TagValue":"…"}]`
	tagKeysForm = `look like ["tagkey1","tagkey2"]`
)

func (t *Tags) wire() string { return jsonOf(len(*t), *t) }

func (t *Tags) parse(text string) error {
	if err := parseJSON(text, (*[]Tag)(t)); err != nil {
		return fmt.Errorf("must %s: %w", tagsForm, err)
	}
	return t.Check()
}

// Check checks each tag for what KMS refuses, but not how many a CMK may have: see [MaxTags]. The error is the end of a
// sentence that begins with the name of the tags, and shows neither key nor value.
func (t *Tags) Check() error {
	seen := map[string]bool{}
	for _, tag := range *t {
		if seen[tag.TagKey] {
			return errors.New("has a TagKey twice")
		}
		seen[tag.TagKey] = true
		if err := checkTagKey(tag.TagKey); err != nil {
			return err
		}
		if utf8.RuneCountInString(tag.TagValue) > MaxTagValue || !tagText.contain(tag.TagValue) {
			return fmt.Errorf("has a TagValue that is not up to %d %s", MaxTagValue, tagCharacters)
		}
	}
	return nil
}

func (k *TagKeys) wire() string { return jsonOf(len(*k), *k) }

func (k *TagKeys) parse(text string) error {
	if err := parseJSON(text, (*[]string)(k)); err != nil {
		return fmt.Errorf("must %s: %w", tagKeysForm, err)
	}
	return k.Check()
}

// Check checks tag keys for what KMS refuses. Its error has the form of that of [Tags.Check].
func (k *TagKeys) Check() error {
	for _, key := range *k {
		if err := checkTagKey(key); err != nil {
			return err
		}
	}
	return nil
}

const tagCharacters = "letters, digits and characters of / \\ _ - . + = @ :"

var tagText = lettersDigitsAnd(`/\_-.+=@:`)

// reservedTagKeys are the prefixes of tag keys that Alibaba Cloud reserves for itself.
var reservedTagKeys = []string{"aliyun", "acs:"}

func checkTagKey(key string) error {
	if key == "" || utf8.RuneCountInString(key) > MaxTagKey || !tagText.contain(key) {
		return fmt.Errorf("has a TagKey that is not 1 to %d %s", MaxTagKey, tagCharacters)
	}
	if IsReservedTagKey(key) {
		return fmt.Errorf("has a TagKey that begins with %s, which is reserved", strings.Join(reservedTagKeys, " or "))
	}
	return nil
}

// IsReservedTagKey reports whether Alibaba Cloud reserves the tag called key for itself.
func IsReservedTagKey(key string) bool {
	return slices.ContainsFunc(reservedTagKeys, func(reserved string) bool { return strings.HasPrefix(key, reserved) })
}

// jsonOf encodes a list, and returns "" for an empty one.
func jsonOf(length int, list any) string {
	if length == 0 {
		return ""
	}
	encoded, err := json.Marshal(list)
	if err != nil {
		panic("kmsapi: internal error: a list of strings did not encode: " + err.Error())
	}
	return string(encoded)
}

// parseJSON reads a list, which must not be empty. It refuses unknown names, and anything after the list.
func parseJSON[T any](text string, list *[]T) error {
	dec := json.NewDecoder(strings.NewReader(text))
	dec.DisallowUnknownFields()
	if err := dec.Decode(list); err != nil {
		return errors.New("it is not that JSON")
	}
	// Not dec.More, which takes a closing bracket for the end.
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return errors.New("it has text after the list")
	}
	if len(*list) == 0 {
		return errors.New("it is empty")
	}
	return nil
}
