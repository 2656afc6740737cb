package collector

// cells holds the cell of each sensor, told by its identity over all accounts. By machine first: most of an identity is
// the machine's, and to keep it for each sensor would take more than most of what is known of one.
type cells map[machineKey]map[string]*cell

// of returns the cell of a sensor; nil where there is none.
func (c cells) of(key sensorKey) *cell { return c[itsMachine(key)][key.Sensor] }

func (c cells) put(key sensorKey, one *cell) {
	m := itsMachine(key)
	if c[m] == nil {
		c[m] = map[string]*cell{}
	}
	c[m][key.Sensor] = one
}

func (c cells) drop(key sensorKey) {
	m := itsMachine(key)
	delete(c[m], key.Sensor)
	if len(c[m]) == 0 {
		delete(c, m)
	}
}

// len returns how many there are.
func (c cells) len() int {
	n := 0
	for _, of := range c {
		n += len(of)
	}
	return n
}

func itsMachine(key sensorKey) machineKey { return machineKey{key.Company, key.Machine} }
