package web

import "net/http"

// policy is the Content-Security-Policy of a page that brings its styles and scripts, told by what may be used: nothing
// from another host, no frame around it, no form to elsewhere.
func policy(sources string) string {
	return "default-src 'none'; " + sources + "; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
}

// secure sets what holds for every answer. The pages are as of now, and what they tell is nobody else's business.
// Pages with a stricter policy of their own replace this one, which permits the styles of the landing page and of pprof.
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
