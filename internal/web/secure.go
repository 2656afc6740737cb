package web

import "net/http"

// policy is the Content-Security-Policy of a page with the given sources of styles and scripts: nothing from another host, no
// frame around it, no form to another site.
func policy(sources string) string {
	return "default-src 'none'; " + sources + "; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
}

// secure sets the headers of every response: no caching, no referrer, no foreign content. Pages with a stricter policy of their own
// replace this one, which permits the styles of the landing page and of pprof.
func secure(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", policy("style-src 'unsafe-inline'"))
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cache-Control", "no-store")
		next.ServeHTTP(w, r)
	})
}
