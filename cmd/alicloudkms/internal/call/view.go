package call

import (
	"fmt"
	"io"
	"reflect"
	"strings"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/cmd/alicloudkms/internal/terminal"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

// The formats of an answer.
const (
	FormatTable = "table"
	FormatJSON  = "json"
)

// A view prints answers of one operation. It is made before the request is sent, so that a mistake in how to print the
// answer does not cost the answer.
type view struct {
	shape
	op          kmsapi.Operation
	format      string
	reveal, raw bool
	terminal    bool
	// field is the only one to print, if it is set, and fieldIn the list that has it, if one does.
	field   *column
	fieldIn *list
}

func newView(op kmsapi.Operation, o Options) (*view, error) {
	v := &view{shape: shapeOf(op), op: op, format: o.Format, reveal: o.Reveal, raw: o.Raw, terminal: o.terminal()}
	if o.Field == "" {
		return v, v.checkRaw()
	}
	if o.Format == FormatJSON {
		return nil, usagef("-field prints one value, and -o json the whole answer; give only one of them")
	}
	in, found, ok := v.find(o.Field)
	if !ok {
		return nil, usagef("the answer of %s has no field %q%s", op, o.Field, didYouMean(o.Field, namesOf(v.columns())))
	}
	if found.secret && !o.Reveal {
		return nil, usagef("%s is a secret; -reveal prints it", found.name)
	}
	v.field, v.fieldIn = &found, in
	return v, v.checkRaw()
}

// redacted returns the names of the fields that the view hides.
func (v *view) redacted() (names []string) {
	if v.reveal || v.field != nil {
		return nil
	}
	for _, c := range v.columns() {
		if c.secret {
			names = append(names, c.name)
		}
	}
	return names
}

// shown returns how many entries the lists of answer have.
func (v *view) shown(answer kmsapi.Response) (entries int) {
	for _, l := range v.lists {
		entries += len(l.entries(answer))
	}
	return entries
}

// print writes answer to w.
func (v *view) print(w io.Writer, answer kmsapi.Response) error {
	switch {
	case v.field != nil:
		return v.printField(w, answer)
	case v.format == FormatJSON:
		return v.printJSON(w, answer)
	default:
		return v.printTable(w, answer)
	}
}

// printField writes the values of one field, each on a line.
func (v *view) printField(w io.Writer, answer kmsapi.Response) error {
	holders := []reflect.Value{reflect.ValueOf(answer).Elem()}
	if v.fieldIn != nil {
		holders = v.fieldIn.entries(answer)
	}
	for _, holder := range holders {
		if err := v.printValue(w, answer, v.text(holder, *v.field)); err != nil {
			return err
		}
	}
	return nil
}

// printValue writes a value of answer as it is, with a line break, or with -raw the bytes that it is. On a terminal,
// neither may be a command to it. What is not a secret gets no second line break: a public key is the PEM file that it
// would be in.
func (v *view) printValue(w io.Writer, answer kmsapi.Response, value string) (err error) {
	end := "\n"
	if !v.field.secret {
		value = strings.TrimSuffix(value, end)
	}
	if v.raw && hasBytes(v.field.name) {
		if value, err = v.rawOf(answer, value); err != nil {
			return err
		}
		end = ""
	}
	if v.terminal {
		value, end = strings.TrimSuffix(terminal.Escape(value, "\n\t"), "\n"), "\n"
	}
	_, err = io.WriteString(w, value+end)
	return err
}

// text returns the value of a column of holder: several, if they are in a list within it, with commas between them.
func (v *view) text(holder reflect.Value, c column) string {
	if c.within != nil {
		inner, of := holder.FieldByIndex(c.within), c
		of.within = nil
		var values []string
		for i := range inner.Len() {
			values = append(values, v.text(inner.Index(i), of))
		}
		return strings.Join(values, ",")
	}
	value := c.of(holder)
	if !c.secret {
		return fmt.Sprint(value.Interface())
	}
	secret := value.Interface().(kmsapi.Secret)
	if v.reveal {
		return secret.Reveal()
	}
	return secret.String()
}
