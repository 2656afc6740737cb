package simulator

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// respond carries out an operation.
func (s *Server) respond(c *call) reply {
	switch {
	case c.op == OpUnknown:
		return s.failure(http.StatusNotFound, "no such path: "+c.r.URL.EscapedPath())
	case !c.found:
		return s.failure(http.StatusNotFound, "no such object: "+c.r.URL.EscapedPath())
	case c.op == OpCompany:
		return s.companyReply(c)
	}
	return s.listReply(c)
}

func (s *Server) companyReply(c *call) reply {
	f := &s.opts.Format
	data := f.company(c.plant)
	if _, ok := s.injected(c, NotAList); ok {
		data = notAList
	}
	return reply{status: http.StatusOK, body: appendObject(nil, object{{f.Fields.Data, data}})}
}

const notAList = "see the attached file"

func (s *Server) listReply(c *call) reply {
	a, err := s.parseQuery(c)
	if err != nil {
		return s.failure(http.StatusBadRequest, err.Error())
	}
	p, err := s.list(c, a)
	if err != nil {
		return s.failure(http.StatusBadRequest, err.Error())
	}
	s.disturbPage(c, a, &p)
	f := &s.opts.Format
	switch empty := len(p.items) == 0 && !p.text && p.next == "" && c.op != OpMachines; {
	case empty && c.op == OpValues && f.Window.NotFound && f.windowed(a.query):
		return s.failure(http.StatusNotFound, "no values in range")
	case empty && f.Empty != EmptyList:
		return f.emptyReply(c.op)
	}
	return reply{status: http.StatusOK, body: f.envelope(c.op, p)}
}

// pageOf is one page of a list: some items, and the key of the next page where there is one.
type pageOf struct {
	items []raw
	text  bool // data is no list but text
	next  string
}

func (s *Server) list(c *call, a listQuery) (pageOf, error) {
	f := &s.opts.Format
	switch c.op {
	case OpMachines:
		machines := c.plant.machines
		if s.isEmpty() {
			machines = nil
		}
		return slicePage(machines, f.machine, f, a), nil
	case OpSensors:
		return slicePage(c.machine.sensors, f.sensor, f, a), nil
	}
	return f.valuesPage(c, a)
}

// slicePage is a page of a list that is held in memory; its positions are offsets.
func slicePage[T any](all []T, write func(T) raw, f *Format, a listQuery) pageOf {
	var p pageOf
	start := min(a.position, int64(len(all)))
	if a.skipped < f.Sparse {
		return pageOf{next: f.emptyKey(start, a.skipped+1)}
	}
	end := min(start+int64(a.limit), int64(len(all)))
	for _, item := range all[start:end] {
		p.items = append(p.items, write(item))
	}
	if end < int64(len(all)) {
		p.next = f.nextKey(end)
	}
	return p
}

// disturbPage carries out the faults that change a list.
func (s *Server) disturbPage(c *call, a listQuery, p *pageOf) {
	if _, ok := s.injected(c, NotAList); ok {
		p.text = true
	}
	if len(p.items) > 1 {
		if _, ok := s.injected(c, Shrink); ok {
			p.items, p.next = p.items[:1], ""
		}
	}
	if _, ok := s.injected(c, NextLoop); ok {
		p.next = a.key
		if !a.continued {
			p.next = s.opts.Format.nextKey(a.position)
		}
	}
}

// envelope writes data and next_key around a page.
func (f *Format) envelope(op string, p pageOf) raw {
	var data any = append([]raw{}, p.items...)
	outer := f.next(p)
	if f.KeyObject != "" && len(outer) > 0 {
		outer = object{{f.KeyObject, outer}}
	}
	if name := f.holder(op); name != "" {
		inner := object{{name, data}}
		if f.SecondList != "" {
			inner = object{{f.SecondList, []raw{appendObject(nil, object{{"code", "A-1"}, {"text", "door open"}})}}, {name, data}}
		}
		if f.KeyInData {
			inner, outer = append(inner, outer...), nil
		}
		data = inner
	}
	if p.text {
		data = notAList
	}
	return appendObject(nil, append(object{{f.Fields.Data, data}}, outer...))
}

// holder is the field of data that holds the list; empty: data is the list.
func (f *Format) holder(op string) string {
	if f.Holder != "" {
		return f.Holder
	}
	return map[Shape]string{OwnField: op, Items: "items", Results: "results"}[f.Shape]
}

// emptyReply is an empty list without a further page, in a form other than [].
func (f *Format) emptyReply(op string) reply {
	var data any
	switch f.Empty {
	case EmptyNoContent:
		return reply{status: http.StatusNoContent}
	case EmptyBraces:
		return reply{status: http.StatusOK, body: []byte("{}")}
	case EmptyNoData:
		return reply{status: http.StatusOK, body: appendObject(nil, f.next(pageOf{}))}
	case EmptyDataObject:
		data = object{}
	case EmptyHolderNull:
		data = object{{op, nil}}
	case EmptyNull:
		if name := f.holder(op); name != "" {
			data = object{{name, nil}}
		}
	}
	return reply{status: http.StatusOK, body: appendObject(nil, append(object{{f.Fields.Data, data}}, f.next(pageOf{})...))}
}

// listQuery is what the query of a list requests.
type listQuery struct {
	limit     int
	position  int64  // where the page starts, if continued
	skipped   int    // empty pages sent instead of it so far
	continued bool   // a start_key was given
	key       string // the start_key, as given
	query     url.Values
}

// parseQuery reads the query. Its errors become the message of a 400.
func (s *Server) parseQuery(c *call) (listQuery, error) {
	query, err := url.ParseQuery(c.r.URL.RawQuery)
	if err != nil {
		return listQuery{}, errors.New("the query is malformed")
	}
	f := &s.opts.Format
	if err = f.Parameters.check(query); err != nil {
		return listQuery{}, err
	}
	a := listQuery{query: query}
	if a.limit, err = s.limit(query); err != nil {
		return listQuery{}, err
	}
	if a.continued = query.Has(f.Parameters.StartKey); !a.continued {
		return a, nil
	}
	a.key = query.Get(f.Parameters.StartKey)
	a.position, a.skipped, err = f.position(a.key)
	return a, err
}

func (s *Server) limit(query url.Values) (int, error) {
	limits := s.limits()
	most, name := limits.maxPage(), s.opts.Format.Parameters.Limit
	if !query.Has(name) {
		return min(most, defaultPage), nil
	}
	n, err := strconv.Atoi(query.Get(name))
	switch {
	case err != nil || n < 1:
		return 0, fmt.Errorf("%s must be a whole number from 1 to %d", name, most)
	case n > most && !limits.ClampPage:
		return 0, fmt.Errorf("%s must be at most %d", name, most)
	}
	return min(n, most), nil
}

// check refuses parameters that are not known, where the API is strict.
func (p Parameters) check(query url.Values) error {
	known := []string{p.Limit, p.StartKey, p.From, p.To}
	for name := range query {
		if p.Strict && !slices.Contains(known, name) {
			return fmt.Errorf("unknown parameter %s; known are %s", name, strings.Join(known, ", "))
		}
	}
	return nil
}
