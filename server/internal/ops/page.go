package ops

import (
	"bytes"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"html/template"
	"net"
	"net/http"
	"strconv"
	"strings"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

//go:embed page.html
var pageHTML string

//go:embed page.css
var pageCSS string

// pageTemplate escapes all values: accounts, regions and key ids come from the store, and an attacker that can write to
// the store must not be able to write the page.
var pageTemplate = template.Must(template.New("page").Funcs(template.FuncMap{
	"count": count, "countOf": func(n int) string { return count(float64(n)) },
	"plural": func(n int, one, many string) string { return plural(float64(n), one, many) },
	"state":  stateWords, "word": func(c kmsapi.RateClass) string { return words(string(c)) },
	"part": func(table any, name, caption, none string) part { return part{table, name, caption, none} },
}).Parse(pageHTML))

// part is the input of a template that several tables share.
type part struct {
	Table any
	// Name is the title of the first column, Caption says what the table shows, and None is shown if it has no rows.
	Name, Caption, None string
}

// pagePolicy lets the page have its own style and nothing else: no script, no frame, no form, nothing from elsewhere.
var pagePolicy = "default-src 'none'; style-src 'sha256-" + hashOf(pageCSS) +
	"'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

func hashOf(style string) string {
	sum := sha256.Sum256([]byte(style))
	return base64.StdEncoding.EncodeToString(sum[:])
}

// page answers with a page for people. It shows the state that /healthz and /metrics report, and changes nothing.
func page(o Options) http.Handler {
	log := o.Log
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !isLocal(r.Host) {
			http.Error(w, "This page is for a browser that calls the service by its IP address, or localhost.",
				http.StatusMisdirectedRequest)
			return
		}
		s := o.Status()
		read, err := s.read(r.Context(), o.Metrics)
		if o.Node != nil {
			node := o.Node()
			read.node = &node
		}
		if err != nil {
			log.Error("the page of the operations listener lacks what can't be read", "error", err)
		}
		var body bytes.Buffer
		if err := pageTemplate.Execute(&body, newView(s, read, err, r.URL.RawQuery != stayQuery)); err != nil {
			log.Error("the page of the operations listener can't be made", "error", err)
			http.Error(w, http.StatusText(http.StatusInternalServerError), http.StatusInternalServerError)
			return
		}
		setPageHeader(w.Header(), body.Len())
		_, _ = w.Write(body.Bytes()) // The caller has gone if this fails.
	})
}

// stayQuery is the query of a page that does not reload itself. The template has a link to it.
const stayQuery = "refresh=off"

func setPageHeader(h http.Header, length int) {
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Length", strconv.Itoa(length))
	h.Set("Content-Security-Policy", pagePolicy)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("X-Frame-Options", "DENY")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Cache-Control", "no-store")
}

// isLocal reports whether host, from a Host header, is an IP address or localhost. With any other name, the request may
// come from an attacker's page whose name now resolves to this address (DNS rebinding), and whose script would read the
// answer.
func isLocal(host string) bool {
	name, _, err := net.SplitHostPort(host)
	if err != nil {
		name = host
	}
	name = strings.TrimSuffix(strings.TrimPrefix(name, "["), "]")
	return strings.EqualFold(name, "localhost") || net.ParseIP(name) != nil
}
