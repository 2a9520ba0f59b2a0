package kmsapi

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// A Filter lets through the CMKs that have one of its values. Filters with different keys must all let a CMK through;
// filters with the same key act as one with all their values.
type Filter struct {
	// Key is one of the constants that begin with FilterBy.
	Key string
	// Values holds up to [MaxFilterValues] values. A filter without values lets everything through.
	Values []string
}

// Filters holds up to [MaxFilters] filters. On the wire they are a JSON array of objects.
type Filters []Filter

// The keys of filters. TagKey and TagValue need not match the same tag.
const (
	FilterByState           = "KeyState"
	FilterBySpec            = "KeySpec"
	FilterByUsage           = "KeyUsage"
	FilterByProtectionLevel = "ProtectionLevel"
	// FilterByCreatorType compares with [CreatorUser] and [CreatorService].
	FilterByCreatorType = "CreatorType"
	FilterByInstance    = "DKMSInstanceId"
	// FilterByKeyID begins with a small letter, unlike all other names of the API.
	FilterByKeyID = "keyId"
	// FilterByAlias takes alias names, with or without [AliasPrefix].
	FilterByAlias    = "AliasName"
	FilterByCreator  = "Creator"
	FilterByTagKey   = "TagKey"
	FilterByTagValue = "TagValue"
)

// The values of [FilterByCreatorType].
const (
	CreatorUser = "User"
	// CreatorService is an Alibaba Cloud service that made the CMK that it encrypts with.
	CreatorService = "Service"
)

// Limits of filters.
const (
	MaxFilters      = 10
	MaxFilterValues = 10
)

const filtersForm = `look like [{"Key":"KeyState","Values":["Enabled"]}]`

// filterKeys are never changed.
var filterKeys = []string{
	FilterByState, FilterBySpec, FilterByUsage, FilterByProtectionLevel, FilterByCreatorType, FilterByInstance,
	FilterByKeyID, FilterByAlias, FilterByCreator, FilterByTagKey, FilterByTagValue,
}

// Values returns the values of all filters with that key. It returns none if these filters let every CMK through.
func (f Filters) Values(key string) (values []string) {
	for _, filter := range f {
		if filter.Key != key {
			continue
		}
		if len(filter.Values) == 0 {
			return nil
		}
		values = append(values, filter.Values...)
	}
	return values
}

func (f *Filters) wire() string { return jsonOf(len(*f), *f) }

func (f *Filters) parse(text string) error { return f.parseAs(text, filtersForm, filterKeys) }

// parseAs reads filters that look like form and whose keys are among allowed. It refuses null, which would list
// everything.
func (f *Filters) parseAs(text, form string, allowed []string) error {
	malformed := errors.New("must " + form)
	var list []map[string]json.RawMessage
	if err := json.Unmarshal([]byte(text), &list); err != nil || list == nil {
		return malformed
	}
	for _, fields := range list {
		var filter Filter
		for name, into := range map[string]any{"Key": &filter.Key, "Values": &filter.Values} {
			if value, ok := fields[name]; ok && json.Unmarshal(value, into) != nil {
				return malformed
			}
			delete(fields, name)
		}
		if len(fields) > 0 { // for instance key in place of Key
			return malformed
		}
		*f = append(*f, filter)
	}
	return f.check(allowed)
}

func (f *Filters) check(allowed []string) error {
	if len(*f) > MaxFilters {
		return fmt.Errorf("must have up to %d filters", MaxFilters)
	}
	for _, filter := range *f {
		if !slices.Contains(allowed, filter.Key) {
			return errors.New("must have the keys " + strings.Join(allowed, ", ") + " and no other")
		}
		if len(filter.Values) > MaxFilterValues {
			return fmt.Errorf("must have up to %d values in a filter", MaxFilterValues)
		}
	}
	return nil
}
