package kmsapi

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// numbered is a list that is spread over parameters with numbers in their names: ResourceId.1, or Tag.1.Key and
// Tag.1.Value.
type numbered interface {
	// spread returns the parameters, without the list's name and the dot after it.
	spread() Params
	// collect reads the items, in the order of their numbers. The error is the end of a sentence that begins with "It",
	// and shows no value.
	collect(items []item) error
}

// An item of a numbered list has a single parameter without a field, or one for each of its fields.
type item struct {
	number int
	fields Params
}

// maxItemNumber bounds the number of an item. Numbers may have gaps.
const maxItemNumber = 1_000_000

// itemNumber reads the number of an item, which has only one valid spelling.
func itemNumber(text string) (int, error) {
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 || n > maxItemNumber || strconv.Itoa(n) != text {
		return 0, fmt.Errorf("must have numbers from 1 in the names of its items")
	}
	return n, nil
}

// itemsOf sorts the parameters of a numbered list by their numbers.
func itemsOf(spread Params) ([]item, error) {
	fields := map[int]Params{}
	for _, p := range spread {
		number, field, _ := strings.Cut(p.Name, ".")
		n, err := itemNumber(number)
		if err != nil {
			return nil, err
		}
		fields[n] = fields[n].Add(field, p.Value)
	}
	items := make([]item, 0, len(fields))
	for n, of := range fields {
		items = append(items, item{n, of})
	}
	slices.SortFunc(items, func(a, b item) int { return a.number - b.number })
	return items, nil
}

// numbered sends the items of a list as parameters of their own.
func (e *encoder) numbered(r Rule, v numbered) {
	for _, p := range v.spread() {
		e.add(r.Name+"."+p.Name, p.Value)
	}
}

// numbered also refuses a list that is one parameter, since it would not be read.
func (d *decoder) numbered(r Rule, v numbered) {
	if d.err != nil {
		return
	}
	spread := d.params.below(r.Name)
	switch {
	case len(spread) == 0 && d.params.Get(r.Name) != "":
		d.err = InvalidParameter(r.Name, "Its items are parameters of their own: "+r.Form+".")
		return
	case len(spread) == 0 && r.Required:
		d.err = MissingParameter(r.Name + ".1")
		return
	}
	items, err := itemsOf(spread)
	if err == nil && len(items) > r.Max {
		err = fmt.Errorf("must have up to %d items", r.Max)
	}
	if err == nil {
		err = v.collect(items)
	}
	if err != nil {
		d.err = InvalidParameter(r.Name, "It "+err.Error()+".")
	}
}

// numberedStrings is a numbered list of strings: ResourceId.1, TagKey.1.
type numberedStrings []string

func (s *numberedStrings) spread() (params Params) {
	for i, text := range *s {
		params = params.Add(strconv.Itoa(i+1), text)
	}
	return params
}

func (s *numberedStrings) collect(items []item) error {
	for _, i := range items {
		if len(i.fields) != 1 || i.fields[0].Name != "" || i.fields[0].Value == "" {
			return errors.New("must have items that are not empty, and have no fields")
		}
		*s = append(*s, i.fields[0].Value)
	}
	return nil
}

// numberedTagKeys is a numbered list of tag keys.
type numberedTagKeys []string

func (k *numberedTagKeys) spread() Params { return (*numberedStrings)(k).spread() }

func (k *numberedTagKeys) collect(items []item) error {
	if err := (*numberedStrings)(k).collect(items); err != nil {
		return err
	}
	return (*TagKeys)(k).Check()
}

// numberedTags is a numbered list of tags: Tag.1.Key, Tag.1.Value. SDKs omit an empty value.
type numberedTags []Tag

// The fields of an item.
const (
	tagKeyField   = "Key"
	tagValueField = "Value"
)

func (t *numberedTags) spread() (params Params) {
	for i, tag := range *t {
		number := strconv.Itoa(i+1) + "."
		params = params.Add(number+tagKeyField, tag.TagKey).Add(number+tagValueField, tag.TagValue)
	}
	return params
}

func (t *numberedTags) collect(items []item) error {
	for _, i := range items {
		for _, f := range i.fields {
			if f.Name != tagKeyField && f.Name != tagValueField {
				return errors.New("must have items with the fields Key and Value")
			}
		}
		*t = append(*t, Tag{TagKey: i.fields.Get(tagKeyField), TagValue: i.fields.Get(tagValueField)})
	}
	return (*Tags)(t).Check()
}
