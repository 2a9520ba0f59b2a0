package call

import (
	"reflect"
	"slices"
	"strings"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

// A column is a field of an answer, or of the entries of a list in one, that holds a single value.
type column struct {
	// name is the API's own, and path leads to it from the answer, such as KeyMetadata.KeyId.
	name, path string
	// index is empty if the entries of a list are the values.
	index  []int
	secret bool
	// within leads to a list in an entry of another list, whose entries have the values; it is nil for most columns.
	within []int
}

// of returns the value of c in holder, which is an answer or an entry of a list.
func (c column) of(holder reflect.Value) reflect.Value {
	if len(c.index) == 0 {
		return holder
	}
	return holder.FieldByIndex(c.index)
}

// A list is a list of entries in an answer.
type list struct {
	name    string
	index   []int
	columns []column
}

// A shape is what an answer consists of, in the order of the API: single values, and lists.
type shape struct {
	singles []column
	lists   []list
}

// shapeOf returns the shape of the answers to an operation.
func shapeOf(op kmsapi.Operation) shape {
	var s shape
	s.add(reflect.TypeOf(op.NewRequest().NewResponse()).Elem(), "", nil)
	return s
}

var secretType = reflect.TypeFor[kmsapi.Secret]()

// add adds the fields of t, which is at path in the answer.
func (s *shape) add(t reflect.Type, path string, index []int) {
	for i := range t.NumField() {
		field := t.Field(i)
		at := append(index[:len(index):len(index)], i)
		under := strings.TrimPrefix(path+"."+field.Name, ".")
		switch {
		case field.Anonymous:
			s.add(field.Type, path, at)
		case field.Type == secretType:
			s.singles = append(s.singles, column{name: field.Name, path: under, index: at, secret: true})
		case field.Type.Kind() == reflect.Struct:
			s.add(field.Type, under, at)
		case field.Type.Kind() == reflect.Slice:
			columns := columnsOf(field.Type.Elem(), field.Name, under)
			s.lists = append(s.lists, list{name: field.Name, index: at, columns: columns})
		default:
			s.singles = append(s.singles, column{name: field.Name, path: under, index: at})
		}
	}
}

// columnsOf returns the columns of a list whose entries are of type t.
func columnsOf(t reflect.Type, name, path string) []column {
	if t.Kind() != reflect.Struct || t == secretType {
		return []column{{name: name, path: path, secret: t == secretType}}
	}
	var entries shape
	entries.add(t, path, nil)
	columns := entries.singles
	for _, inner := range entries.lists {
		for _, c := range inner.columns {
			c.within = inner.index
			columns = append(columns, c)
		}
	}
	return columns
}

// find returns the place of the field called name, or that has that path: in the answer itself if list is nil.
func (s shape) find(name string) (in *list, found column, ok bool) {
	for _, c := range s.singles {
		if c.name == name || c.path == name {
			return nil, c, true
		}
	}
	for i := range s.lists {
		for _, c := range s.lists[i].columns {
			if c.name == name || c.path == name {
				return &s.lists[i], c, true
			}
		}
	}
	return nil, column{}, false
}

// columns returns every column of s.
func (s shape) columns() []column {
	all := slices.Clone(s.singles)
	for _, l := range s.lists {
		all = append(all, l.columns...)
	}
	return all
}

func namesOf(columns []column) (names []string) {
	for _, c := range columns {
		names = append(names, c.name)
	}
	return names
}

// entries returns the entries of l in answer.
func (l list) entries(answer kmsapi.Response) []reflect.Value {
	slice := reflect.ValueOf(answer).Elem().FieldByIndex(l.index)
	entries := make([]reflect.Value, slice.Len())
	for i := range entries {
		entries[i] = slice.Index(i)
	}
	return entries
}
