/** What the last render gave, for callbacks that come later. */
export declare function useLatest<T>(value: T): {
    readonly current: T;
};
