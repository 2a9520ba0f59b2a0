package call

import (
	"bytes"
	"encoding/json"
	"io"
	"reflect"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/cmd/alicloudkms/internal/terminal"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

// printJSON writes the answer with the API's own names. A list without entries is [].
func (v *view) printJSON(w io.Writer, answer kmsapi.Response) error {
	whole := reflect.ValueOf(answer).Elem()
	if v.reveal {
		open(whole, v.singles)
	}
	for _, l := range v.lists {
		slice := whole.FieldByIndex(l.index)
		if slice.IsNil() {
			slice.Set(reflect.MakeSlice(slice.Type(), 0, 0))
		}
		for i := range slice.Len() {
			if v.reveal {
				open(slice.Index(i), l.columns)
			}
		}
	}
	var encoded bytes.Buffer
	encoder := json.NewEncoder(&encoded)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	if err := encoder.Encode(answer); err != nil {
		return err
	}
	// encoding/json escapes only ASCII's control characters.
	_, err := io.WriteString(w, terminal.Escape(encoded.String(), "\n"))
	return err
}

// open lets encoding/json write the secrets among the columns of holder.
func open(holder reflect.Value, columns []column) {
	for _, c := range columns {
		if c.secret {
			value := c.of(holder)
			value.Set(reflect.ValueOf(value.Interface().(kmsapi.Secret).ForWire()))
		}
	}
}
