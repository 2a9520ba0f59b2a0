package edge

import (
	"encoding/json"
	"encoding/xml"
	"strings"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

// format is the format of an answer: JSON, unless XML is asked for (§1.3).
type format string

const (
	formatJSON format = "JSON"
	formatXML  format = "XML"
)

func parseFormat(name string) (format, error) {
	switch f := format(strings.ToUpper(name)); f {
	case formatJSON, formatXML:
		return f, nil
	case "":
		return formatJSON, nil
	default:
		return formatJSON, kmsapi.InvalidParameter("Format", "It must be JSON or XML.")
	}
}

func (f format) contentType() string {
	if f == formatXML {
		return "text/xml;charset=utf-8"
	}
	return "application/json;charset=utf-8"
}

// checkCarries refuses an XML answer with a plaintext that XML can't represent: the encoder would replace control
// characters, and the caller would take the result for the plaintext.
func (f format) checkCarries(resp kmsapi.Response) error {
	if f == formatXML && strings.ContainsFunc(plaintextOf(resp).Reveal(), isNotXML) {
		return kmsapi.InvalidParameter("Format", "The plaintext has characters that XML can't carry. Ask for JSON.")
	}
	return nil
}

// plaintextOf returns the part of an answer that may be any string, chosen by a caller.
func plaintextOf(resp kmsapi.Response) kmsapi.Secret {
	switch resp := resp.(type) {
	case *kmsapi.DecryptResponse:
		return resp.Plaintext
	case *kmsapi.GetSecretValueResponse:
		return resp.SecretData
	default:
		return kmsapi.Secret{}
	}
}

// isNotXML reports whether c is not a Char of XML 1.0, section 2.2. c must come from valid UTF-8.
func isNotXML(c rune) bool {
	return c < ' ' && c != '\t' && c != '\n' && c != '\r' || c == '\uFFFE' || c == '\uFFFF'
}

func (f format) encode(body any) ([]byte, error) {
	if f != formatXML {
		return json.Marshal(body)
	}
	var b strings.Builder
	b.WriteString(xml.Header)
	err := xml.NewEncoder(&b).EncodeElement(body, xml.StartElement{Name: xml.Name{Local: "KMS"}})
	return []byte(b.String()), err
}
