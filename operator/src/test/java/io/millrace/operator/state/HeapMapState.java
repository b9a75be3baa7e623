package io.millrace.operator.state;

import java.util.HashMap;
import java.util.Iterator;
import java.util.Map;
import org.apache.flink.api.common.state.MapState;
import org.jspecify.annotations.Nullable;

/** The map state of one key, on heap, which also counts what is written. */
final class HeapMapState<V> implements MapState<Integer, V> {
    final Map<Integer, V> map = new HashMap<>();
    int writes;

    @Override
    public @Nullable V get(Integer key) {
        return map.get(key);
    }

    @Override
    public void put(Integer key, V value) {
        writes++;
        map.put(key, value);
    }

    @Override
    public void putAll(Map<Integer, V> values) {
        map.putAll(values);
    }

    @Override
    public void remove(Integer key) {
        map.remove(key);
    }

    @Override
    public boolean contains(Integer key) {
        return map.containsKey(key);
    }

    @Override
    public Iterable<Map.Entry<Integer, V>> entries() {
        return map.entrySet();
    }

    @Override
    public Iterable<Integer> keys() {
        return map.keySet();
    }

    @Override
    public Iterable<V> values() {
        return map.values();
    }

    @Override
    public Iterator<Map.Entry<Integer, V>> iterator() {
        return map.entrySet().iterator();
    }

    @Override
    public boolean isEmpty() {
        return map.isEmpty();
    }

    @Override
    public void clear() {
        map.clear();
    }
}
